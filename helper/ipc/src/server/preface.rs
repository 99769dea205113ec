//! Looks at a client's first bytes before the HTTP/2 library does, which would wait for them for ever.

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, recv};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// What every HTTP/2 client sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits until the client sent the whole preface, which stays in the socket; fails at the first byte that differs.
pub(super) async fn wait(stream: &UnixStream) -> io::Result<()> {
    loop {
        let ready = stream.ready(Interest::READABLE).await?;
        let judged = stream.try_io(Interest::READABLE, || {
            let mut seen = [0; PREFACE.len()];
            let count = recv(stream.as_raw_fd(), &mut seen, MsgFlags::MSG_PEEK)?;
            judge(&seen[..count])
        });
        match judged {
            // A client that says no more stays "readable" for ever: without this the wait would spin.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && ready.is_read_closed() => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            judged => return judged,
        }
    }
}

fn judge(seen: &[u8]) -> io::Result<()> {
    match seen {
        [] => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if seen == PREFACE => Ok(()),
        // Tells tokio to wait for the next bytes; the socket itself stays readable all the time.
        _ if PREFACE.starts_with(seen) => Err(io::ErrorKind::WouldBlock.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "these bytes are not HTTP/2")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_preface_passes() {
        let outcome = |seen: &[u8]| judge(seen).map_err(|error| error.kind());
        assert_eq!(outcome(PREFACE), Ok(()));
        for length in 1..PREFACE.len() {
            assert_eq!(outcome(&PREFACE[..length]), Err(io::ErrorKind::WouldBlock));
        }
        assert_eq!(outcome(b""), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(outcome(b"GET / HTTP/1.1\r\n"), Err(io::ErrorKind::InvalidData));
        assert_eq!(outcome(b"PRI * HTTP/1.0"), Err(io::ErrorKind::InvalidData));
    }
}
