//! Echo over TCP and UDP (RFC 862), and a service that resets.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

/// Sends back what it gets, and its own end after the other's.
pub(super) async fn stream(mut stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut buffer = vec![0; 16 << 10];
    loop {
        match reader.read(&mut buffer).await? {
            0 => return writer.shutdown().await,
            length => writer.write_all(&buffer[..length]).await?,
        }
    }
}

/// Answers the first byte with a reset.
pub(super) async fn reset(mut stream: TcpStream) -> io::Result<()> {
    stream.read_u8().await?;
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))
}

/// Sends every datagram back.
pub(super) async fn datagrams(socket: UdpSocket) {
    let mut buffer = vec![0; 65_535];
    loop {
        // Errors are about datagrams that went before, whose askers have left.
        if let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..length], from).await;
        }
    }
}
