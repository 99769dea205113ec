//! One question to a name server, to see that the way there and back works.

use std::net::{Ipv4Addr, SocketAddr};

use hawser_fault::{Code, Fault};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

use crate::limits;

/// Asks `server` for the SOA record of `domain` until it answers. Any answer will do: what is in it is the cluster's
/// affair, that it came proves device, route and data plane.
///
/// # Errors
/// `dns-unavailable`.
pub async fn ask(server: SocketAddr, domain: &str) -> Result<(), Fault> {
    let query = soa_query(domain);
    let deadline = Instant::now() + limits::NAME_ANSWER;
    let exchange = async {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        socket.connect(server).await?;
        let mut reply = [0; 512];
        loop {
            socket.send(&query).await?;
            match timeout(limits::NAME_ANSWER / 4, socket.recv(&mut reply)).await {
                Ok(Ok(length)) if is_reply(&reply[..length], &query) => return std::io::Result::Ok(()),
                Ok(Err(error)) => return Err(error),
                _ => {}
            }
        }
    };
    let reason = match timeout_at(deadline, exchange).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", limits::NAME_ANSWER.as_secs()),
    };
    Err(Fault::new(Code::DnsUnavailable, format!("the name server {server} was asked about {domain}: {reason}")))
}

/// RFC 1035, section 4.1: one question, recursion desired. Its number need not be secret, the server is our own.
fn soa_query(domain: &str) -> Vec<u8> {
    let mut query = vec![0x68, 0x77, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in domain.split('.').filter(|label| !label.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(63)];
        query.push(label.len() as u8);
        query.extend_from_slice(label);
    }
    query.extend_from_slice(&[0, 0, 6, 0, 1]);
    query
}

fn is_reply(reply: &[u8], query: &[u8]) -> bool {
    reply.len() >= 12 && reply[..2] == query[..2] && reply[2] & 0x80 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_well_formed() {
        let query = soa_query("demo.local");
        assert_eq!(&query[12..], b"\x04demo\x05local\0\0\x06\0\x01");
        assert!(!is_reply(&query, &query));
    }

    #[tokio::test]
    async fn any_answer_will_do() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let serve = async {
            let mut query = [0; 512];
            let (length, asker) = server.recv_from(&mut query).await.unwrap();
            query[2] |= 0x80;
            query[3] = 2;
            server.send_to(&query[..length], asker).await.unwrap();
        };
        let (answer, ()) = tokio::join!(ask(address, "demo.local"), serve);
        assert_eq!(answer, Ok(()));
    }

    #[tokio::test]
    async fn silence_and_refusal_are_told() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let fault = ask(silent.local_addr().unwrap(), "demo.local").await.err().unwrap();
        assert_eq!(fault.code, Code::DnsUnavailable);
        let address = silent.local_addr().unwrap();
        drop(silent);
        let fault = ask(address, "demo.local").await.err().unwrap();
        assert!(fault.detail.contains("refused"), "{fault}");
    }
}
