//! Looks at a client's first bytes before the HTTP/2 library does, which would wait for them for ever.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, join};
use tokio::net::UnixStream;

/// What every HTTP/2 client sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits for the whole preface and gives the stream back with the preface still to be read; fails at the first byte
/// that differs.
///
/// The bytes are taken and put back, not peeked at: once a client has closed its half, a socket with a part of the
/// preface in it counts as readable for ever, and waiting for the rest would spin.
pub(super) async fn wait(mut stream: UnixStream) -> io::Result<impl AsyncRead + AsyncWrite> {
    let mut seen = [0; PREFACE.len()];
    let mut count = 0;
    while count < PREFACE.len() {
        match stream.read(&mut seen[count..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => count += more,
        }
        if !PREFACE.starts_with(&seen[..count]) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "these bytes are not HTTP/2"));
        }
    }
    let (reader, writer) = stream.into_split();
    Ok(join(PREFACE.as_slice().chain(reader), writer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    async fn outcome(sent: &[u8]) -> Result<Vec<u8>, io::ErrorKind> {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(sent).await.unwrap();
        client.shutdown().await.unwrap();
        let mut read = Vec::new();
        wait(server).await.map_err(|error| error.kind())?.read_to_end(&mut read).await.unwrap();
        Ok(read)
    }

    #[tokio::test]
    async fn a_whole_preface_passes_and_is_read_again() {
        for rest in [&b""[..], b"and more"] {
            let sent = [PREFACE, rest].concat();
            assert_eq!(outcome(&sent).await, Ok(sent));
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        for length in 0..PREFACE.len() {
            assert_eq!(outcome(&PREFACE[..length]).await, Err(io::ErrorKind::UnexpectedEof));
            assert_eq!(outcome(&[&PREFACE[..length], b"x"].concat()).await, Err(io::ErrorKind::InvalidData));
        }
        assert_eq!(outcome(b"GET / HTTP/1.1\r\n").await, Err(io::ErrorKind::InvalidData));
    }
}
