//! Names that are not the cluster's: passed on to the name servers that the host had before.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hawser_dns::{LookupId, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::resolver::Upstreams;

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

/// Whom to ask for a name: another connection that has it, else the host's own name servers.
pub(super) fn servers(upstreams: &Upstreams, lookup: &HostLookup, own_server: IpAddr) -> Vec<SocketAddr> {
    let name = question(&lookup.query);
    let mut suffix = name.as_str();
    loop {
        match upstreams.connections.get(suffix) {
            Some(server) if server.ip() != own_server => return vec![*server],
            _ => {}
        }
        match suffix.split_once('.') {
            Some((_, rest)) => suffix = rest,
            None => return upstreams.plain.clone(),
        }
    }
}

/// The name in a query's question (RFC 1035 section 4.1), in lower case.
fn question(query: &[u8]) -> String {
    const HEADER: usize = 12;
    let mut labels = Vec::new();
    let mut rest = query.get(HEADER..).unwrap_or_default();
    while let Some((length, tail)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let Some((label, tail)) = tail.split_at_checked(usize::from(*length)) else { break };
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        rest = tail;
    }
    labels.join(".")
}

/// Asks the server whose turn it is, and says which that is. The resolver comes again, for the next one, if there is no answer.
pub(super) async fn ask(servers: &[SocketAddr], lookup: &HostLookup) -> Option<(SocketAddr, Vec<u8>)> {
    let server = *servers.get(usize::from(lookup.attempt) % servers.len().max(1))?;
    let asked = async {
        match lookup.transport {
            Transport::Udp => ask_datagram(server, &lookup.query).await,
            Transport::Tcp => ask_stream(server, &lookup.query).await,
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Some((server, answer)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_connections_names_are_asked_there() {
        let server = |text: &str| text.parse::<SocketAddr>().unwrap();
        let upstreams = Upstreams {
            plain: vec![server("192.0.2.53:53")],
            connections: [("prod", "198.18.0.53:53"), ("staging", "198.18.1.53:53"), ("beta", "198.18.1.53:53")]
                .map(|(domain, text)| (domain.to_owned(), server(text)))
                .into(),
        };
        for (question, own, expected) in [
            ("\x03web\x04Shop\x07Staging\0", "198.18.0.53", "198.18.1.53:53"),
            ("\x03web\x04beta\0", "198.18.0.53", "198.18.1.53:53"),
            // What the other one does not know either comes back, and must not go round.
            ("\x03web\x04beta\0", "198.18.1.53", "192.0.2.53:53"),
            ("\x07example\x03org\0", "198.18.0.53", "192.0.2.53:53"),
            ("\0", "198.18.0.53", "192.0.2.53:53"),
            ("\x3ftorn", "198.18.0.53", "192.0.2.53:53"),
        ] {
            let query = [[0; 12].as_slice(), question.as_bytes()].concat();
            let lookup = HostLookup { id: LookupId(0), transport: Transport::Udp, attempt: 0, query };
            assert_eq!(servers(&upstreams, &lookup, own.parse().unwrap()), [server(expected)], "{question:?}");
        }
    }
}
