//! Names as the pod resolves them: messages go to its name servers as they are.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::limits;

/// The pod's name servers.
pub struct Resolver(Vec<SocketAddr>);

impl Default for Resolver {
    fn default() -> Self {
        Self(name_servers(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default()))
    }
}

impl Resolver {
    /// The answer of the first server that gives one.
    pub async fn ask(&self, query: Bytes) -> Option<Bytes> {
        for server in &self.0 {
            if let Ok(Ok(answer)) = timeout(limits::NAME_SERVER, ask(*server, &query)).await {
                return Some(answer);
            }
        }
        None
    }
}

async fn ask(server: SocketAddr, query: &[u8]) -> std::io::Result<Bytes> {
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; limits::DNS_MESSAGE];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = &buffer[..length];
        match answer.get(2) {
            // An answer to another question.
            _ if answer.get(..2) != query.get(..2) => {}
            Some(flags) if flags & TRUNCATED != 0 => return ask_over_tcp(server, query).await,
            _ => return Ok(Bytes::copy_from_slice(answer)),
        }
    }
}

/// The bit TC in the third byte of a message (RFC 1035, section 4.1.1).
const TRUNCATED: u8 = 2;

async fn ask_over_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Bytes> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer.into())
}

fn name_servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let address = |line: &str| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok();
    resolv_conf.lines().filter_map(address).map(|address| (address, 53).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_in_their_order() {
        let text = "search a.b\nnameserver 10.96.0.10\nnameserver  fd00::a\noptions ndots:5\n";
        assert_eq!(name_servers(text), ["10.96.0.10:53".parse().unwrap(), "[fd00::a]:53".parse().unwrap()]);
    }
}
