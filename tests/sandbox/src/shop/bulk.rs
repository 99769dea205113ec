//! Bytes in quantity, both ways.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CHUNK: usize = 256 << 10;

/// Takes bytes until the sender's end and answers with their number, eight bytes in network order.
pub(super) async fn discard(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut count = 0u64;
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.write_all(&count.to_be_bytes()).await,
            length => count += length as u64,
        }
    }
}

/// Reads a number, eight bytes in network order, and sends that many bytes.
pub(super) async fn source(mut stream: TcpStream) -> io::Result<()> {
    let mut left = stream.read_u64().await?;
    let zeros = vec![0; CHUNK];
    while left > 0 {
        let length = left.min(CHUNK as u64);
        stream.write_all(&zeros[..length as usize]).await?;
        left -= length;
    }
    stream.shutdown().await
}
