//! What a client speaks, by its first bytes.

use std::io;

use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// HTTP/1.0 or 1.1.
    Http1,
    /// HTTP/2 without TLS.
    Http2,
    /// Anything else, TLS among it.
    Other,
}

/// What a client of HTTP/2 says first (RFC 9113, section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The methods of RFC 9110 and RFC 5789, and as many letters as the longest has.
const METHODS: [&[u8]; 9] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"CONNECT ", b"OPTIONS ", b"TRACE ", b"PATCH "];

/// Bytes in which the end of a request's head is looked for. Clients that send requests without waiting send short ones.
const LOOKED_AT: usize = 4_096;

/// Looks at what has come, and leaves it there. Waits until it is enough.
pub async fn sniff(client: &TcpStream) -> io::Result<Speech> {
    let mut first = [0; PREFACE.len()];
    let mut seen = 0;
    loop {
        let length = client.peek(&mut first).await?;
        match judge(&first[..length]) {
            Some(speech) => return Ok(speech),
            // The end of the stream, or nothing more for now: peeking again would spin.
            None if length == 0 || length == seen => return Ok(Speech::Other),
            None => seen = length,
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// Whether what has come begins with the whole first line of a request of HTTP/1.1 (RFC 9112, section 3). It stays there.
pub async fn begins_request(client: &mut ReadHalf<'_>) -> io::Result<bool> {
    let mut first = [0; 2_048];
    let length = client.peek(&mut first).await?;
    let first = &first[..length];
    let line = first.split(|byte| *byte == b'\n').next().filter(|line| line.len() < length);
    Ok(line.is_some_and(|line| judge(line) == Some(Speech::Http1) && line.ends_with(b" HTTP/1.1\r")))
}

/// Whether a request begins in the middle of these bytes, or at their begin: one that does not wait for an answer.
pub fn holds_another_request(bytes: &[u8], at_begin: bool) -> bool {
    let begins = |rest: &[u8]| METHODS.iter().any(|method| rest.starts_with(method));
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT)];
    let ends = looked_at.windows(4).enumerate().filter(|(_, end)| *end == b"\r\n\r\n");
    at_begin && begins(bytes) || ends.into_iter().any(|(at, _)| begins(&bytes[at + 4..]))
}

/// `None` if more is needed to tell.
fn judge(first: &[u8]) -> Option<Speech> {
    let begins = |whole: &[u8]| first.starts_with(whole);
    let may_become = |whole: &[u8]| whole.starts_with(first);
    if begins(PREFACE) {
        Some(Speech::Http2)
    } else if METHODS.iter().any(|method| begins(method)) {
        Some(Speech::Http1)
    } else if may_become(PREFACE) || METHODS.iter().any(|method| may_become(method)) {
        None
    } else {
        Some(Speech::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_follow_on_each_other_are_seen() {
        let one = b"GET / HTTP/1.1\r\n\r\n";
        assert!(!holds_another_request(one, false) && holds_another_request(one, true));
        assert!(holds_another_request(&one.repeat(2), false));
        assert!(!holds_another_request(b"POST / HTTP/1.1\r\n\r\n{}", false));
    }

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(judge(b"GET / HTTP/1.1"), Some(Speech::Http1));
        assert_eq!(judge(b"P"), None);
        assert_eq!(judge(b"PRI * HTTP/2.0\r\n"), None);
        assert_eq!(judge(PREFACE), Some(Speech::Http2));
        assert_eq!(judge(&[0x16, 3, 1]), Some(Speech::Other));
        assert_eq!(judge(b"*3\r\n"), Some(Speech::Other));
    }
}
