//! What every client does: resolve, connect, ask for a page.

use std::fmt::Display;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// How long anything may take, over the slowest link that can be asked for.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait where nothing is to come.
pub(super) const SILENCE: Duration = Duration::from_millis(500);

/// Puts what was tried before an error.
pub(super) fn trying<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

/// Addresses of a name as the laptop's resolver gives them, sorted.
pub(super) fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    let found = (name, 0).to_socket_addrs().map_err(trying(format_args!("resolving {name}")))?;
    let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

/// Addresses in words: `10.96.0.11 and fd00:96::11`.
pub(super) fn list(addresses: &[IpAddr]) -> String {
    let texts: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    match texts.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A connection that waits for nobody for ever.
pub(super) fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let connected = TcpStream::connect_timeout(&address, PATIENCE).and_then(|stream| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    });
    connected.map_err(trying(format_args!("connecting to {address}")))
}

/// Proves that a connection is not made, for this reason.
pub(super) fn connect_fails(address: SocketAddr, patience: Duration, expected: &[ErrorKind]) -> Result<(), String> {
    match TcpStream::connect_timeout(&address, patience) {
        Ok(_) => Err(format!("{address} accepted a connection")),
        Err(error) if expected.contains(&error.kind()) => Ok(()),
        Err(error) => Err(format!("connecting to {address}: {error}")),
    }
}

/// A page and what became of its connection.
pub(super) struct Page {
    /// The text, without the newline at its end.
    pub(super) text: String,
    /// Whether the server announced that it closes.
    pub(super) closes: bool,
}

/// Asks for a page over a connection that may have been used before.
pub(super) fn get(connection: &mut BufReader<TcpStream>, host: &str) -> Result<Page, String> {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).map_err(trying("sending a request"))?;
    let mut length = 0;
    let mut closes = false;
    loop {
        let mut line = String::new();
        let read = connection.read_line(&mut line).map_err(trying("reading a response"))?;
        if read == 0 {
            return Err("the server closed before it answered".to_owned());
        }
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", number)) => length = number.parse().map_err(trying("reading a length"))?,
            Some(("connection", "close")) => closes = true,
            None if line.starts_with("http/") && !line.contains(" 200 ") => return Err(format!("it answered {line}")),
            None if line.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).map_err(trying("reading a page"))?;
    Ok(Page { text: String::from_utf8_lossy(&body).trim_end().to_owned(), closes })
}
