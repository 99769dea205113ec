//! The servers in the cluster. Each is bound to each address of its own, so that answers carry the address asked.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{flood, ports, tcp, udp};

/// Connections that may wait to be accepted; storms need all of it.
const BACKLOG: i32 = 16_384;

/// How connections ended, by their token.
type Endings = Arc<Mutex<HashMap<String, &'static str>>>;

/// Serves until killed.
pub fn run() -> Result<()> {
    super::many::allow_many_files();
    let addresses = addresses()?;
    for &address in &addresses {
        udp::serve(address)?;
        tcp::serve_checksums(SocketAddr::new(address, ports::CHECKSUM))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let endings = Endings::default();
        for &address in &addresses {
            serve(address, ports::ECHO, |stream| tokio::spawn(echo(stream)))?;
            serve(address, ports::CLOSE, |stream| tokio::spawn(close(stream)))?;
            serve(address, ports::RESET, |stream| tokio::spawn(reset(stream)))?;
            serve(address, ports::FLOOD, |stream| tokio::spawn(flood::serve(stream)))?;
            serve(address, ports::STALL, |stream| tokio::spawn(stall(stream)))?;
            let endings = endings.clone();
            serve(address, ports::WITNESS, move |stream| tokio::spawn(witness(stream, endings.clone())))?;
        }
        std::future::pending::<Result<()>>().await
    })
}

/// A listener with a deep backlog.
pub fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into()).with_context(|| format!("binding {address}"))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn addresses() -> Result<Vec<IpAddr>> {
    let given = ["HAWSER_DEMO_CLUSTER_IP", "HAWSER_DEMO_CLUSTER_IP6"];
    let addresses: Vec<IpAddr> =
        given.iter().filter_map(|name| std::env::var(name).ok()).filter_map(|text| text.parse().ok()).collect();
    ensure!(!addresses.is_empty(), "neither {} nor {} is set", given[0], given[1]);
    Ok(addresses)
}

fn serve<T>(address: IpAddr, port: u16, handle: impl Fn(TcpStream) -> T + Send + 'static) -> Result<()> {
    let listener = listen(SocketAddr::new(address, port))?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    handle(stream);
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    Ok(())
}

async fn echo(mut stream: TcpStream) {
    let (mut reader, mut writer) = stream.split();
    // Small at first: ten thousand idle connections each hold this buffer.
    let mut buffer = vec![0; 512];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) => break,
            Ok(length) => {
                if writer.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
                if length == buffer.len() && length < 64 * 1024 {
                    buffer.resize(length * 2, 0);
                }
            }
            Err(_) => return,
        }
    }
    let _ = writer.shutdown().await;
}

async fn close(mut stream: TcpStream) {
    let mut buffer = [0; 512];
    if let Ok(length) = stream.read(&mut buffer).await {
        let _ = stream.write_all(&buffer[..length]).await;
    }
}

async fn reset(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1]).await;
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

async fn stall(stream: TcpStream) {
    std::future::pending::<()>().await;
    drop(stream);
}

/// `watch TOKEN` is remembered with its end; `ask TOKEN` waits for that end and tells it.
async fn witness(stream: TcpStream, endings: Endings) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let Ok(_) = stream.read_line(&mut line).await else { return };
    match line.trim().split_once(' ') {
        Some(("watch", token)) => {
            if stream.write_all(b"watching\n").await.is_err() {
                return;
            }
            let ending = match stream.read(&mut [0; 64]).await {
                Ok(0) => "closed",
                Ok(_) => "data",
                Err(error) if error.kind() == ErrorKind::ConnectionReset => "reset",
                Err(_) => "error",
            };
            endings.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), ending);
        }
        Some(("ask", token)) => {
            let answer = ending_of(&endings, token).await.unwrap_or("open");
            let _ = stream.write_all(format!("{answer}\n").as_bytes()).await;
        }
        _ => {}
    }
}

async fn ending_of(endings: &Endings, token: &str) -> Option<&'static str> {
    for _ in 0..500 {
        if let Some(ending) = endings.lock().unwrap_or_else(PoisonError::into_inner).get(token) {
            return Some(ending);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}
