//! Random bytes for ports that expect something else.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A peer that hangs instead of closing must not hang the probe.
const PATIENCE: Duration = Duration::from_millis(20);
/// What HTTP/2 and TLS begin with: bytes after these get further than bytes alone.
const OPENINGS: [&[u8]; 4] = [
    b"",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\n\r\n",
];

/// Writes random bytes over `count` connections; the peer may do with them what it likes.
pub fn garbage(tcp: Option<SocketAddr>, unix: Option<PathBuf>, count: usize) -> Result<Value> {
    let mut random = File::open("/dev/urandom")?;
    let (mut connected, mut sent) = (0, 0);
    for round in 0..count {
        let mut bytes = vec![0; 1 << (round % 15)];
        random.read_exact(&mut bytes)?;
        let bytes = [OPENINGS[round % OPENINGS.len()], &bytes].concat();
        if let Some(target) = tcp {
            let stream = TcpStream::connect_timeout(&target, Duration::from_secs(5))
                .with_context(|| format!("connection {round} to {target}"))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            sent += pour(&stream, &stream, &bytes);
            connected += 1;
        }
        if let Some(path) = &unix {
            let stream = UnixStream::connect(path).with_context(|| format!("connection {round} to {path:?}"))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            sent += pour(&stream, &stream, &bytes);
            connected += 1;
        }
    }
    Ok(json!({ "connected": connected, "sent": sent }))
}

fn pour(mut writer: impl Write, mut reader: impl Read, bytes: &[u8]) -> usize {
    let _ = writer.write_all(bytes);
    let _ = reader.read(&mut [0; 256]);
    bytes.len()
}
