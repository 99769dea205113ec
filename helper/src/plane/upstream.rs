//! Names that are not the cluster's: passed on to the name servers that the host had before.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hawser_dns::{LookupId, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Lookups at once. Beyond it a query fails at once.
pub(super) const LOOKUPS: usize = 256;
const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST: usize = 65_535;

/// A query for the host's name servers, as the resolver wants it asked.
pub(super) struct HostLookup {
    pub id: LookupId,
    pub transport: Transport,
    pub attempt: u8,
    pub query: Vec<u8>,
}

/// Asks the server whose turn it is. The resolver comes again, for the next one, if there is no answer.
pub(super) async fn ask(servers: &[SocketAddr], lookup: &HostLookup) -> Option<Vec<u8>> {
    let server = *servers.get(usize::from(lookup.attempt) % servers.len().max(1))?;
    let asked = async {
        match lookup.transport {
            Transport::Udp => ask_datagram(server, &lookup.query).await,
            Transport::Tcp => ask_stream(server, &lookup.query).await,
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a name server of the host failed");
            None
        }
        Err(_) => None,
    }
}

async fn ask_datagram(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut answer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut answer).await?;
        if length < 12 || answer[..2] != query[..2] {
            continue;
        }
        answer.truncate(length);
        return Ok(answer);
    }
}

async fn ask_stream(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], query].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
