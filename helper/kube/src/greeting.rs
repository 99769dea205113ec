//! Whether TLS answers at the other end of a stream: the first words of a handshake, which is then given up.

use std::io;
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::tls;

/// Kinds of a record (RFC 8446, section 5.1). A server that wants another certificate than we offer answers by an alert.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Of every version since SSL 3.0.
const MAJOR: u8 = 3;

/// Sends a ClientHello and waits for the head of an answer. Nobody's certificate is checked.
///
/// # Errors
/// If the stream ends or breaks before, or what comes is no TLS.
pub async fn greet(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let name = ServerName::try_from("manager").expect("a name of letters");
    let config = Arc::new(tls::unverified().map_err(io::Error::other)?);
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    stream.write_all(&hello).await?;
    stream.flush().await?;

    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    match head {
        [ALERT | HANDSHAKE, MAJOR] => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "what answers there does not speak TLS")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of an answer; of none, if the stream ends without one.
    async fn greeted(answer: Option<&[u8]>) -> Result<(), io::ErrorKind> {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        let answering = async {
            let mut head = [0; 5];
            theirs.read_exact(&mut head).await.unwrap();
            assert_eq!(head[..2], [HANDSHAKE, MAJOR]);
            theirs.write_all(answer.unwrap_or_default()).await.unwrap();
            drop(theirs);
        };
        let (greeted, ()) = tokio::join!(greet(&mut ours), answering);
        greeted.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn any_tls_will_do_and_nothing_else() {
        assert_eq!(greeted(Some(&[22, 3, 3, 0, 122])).await, Ok(()));
        assert_eq!(greeted(Some(&[21, 3, 3, 0, 2])).await, Ok(()));
        assert_eq!(greeted(Some(b"HTTP/1.1 400 Bad Request")).await, Err(io::ErrorKind::InvalidData));
        assert_eq!(greeted(None).await, Err(io::ErrorKind::UnexpectedEof));
    }
}
