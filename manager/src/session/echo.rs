//! Echo flows over the unprivileged ping socket (Linux, `net.ipv4.ping_group_range`): answered only if the target answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::net::UdpSocket;

use super::udp;

/// A ping socket, connected to one target. The kernel chooses its identifier and filters by it.
pub(super) struct EchoSocket {
    socket: UdpSocket,
    v4: bool,
}

/// Type, code, checksum and identifier (RFC 792); the sequence number and the data follow.
const HEADER: usize = 6;

pub(super) fn open(target: IpAddr, waker: &Waker) -> io::Result<EchoSocket> {
    let (domain, protocol) = match target {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(protocol))?;
    let socket = udp::connect(socket, SocketAddr::new(target, 0), waker)?;
    Ok(EchoSocket { socket, v4: target.is_ipv4() })
}

impl EchoSocket {
    /// Sends a request; `bytes` begin with the sequence number.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut message = BytesMut::with_capacity(HEADER + bytes.len());
        message.put_u8(if self.v4 { 8 } else { 128 });
        message.put_bytes(0, HEADER - 1);
        message.put_slice(bytes);
        SockRef::from(&self.socket).send(&message).map(drop)
    }

    /// Receives a reply: sequence number and data. `None` for any other message.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<Bytes>> {
        let length = self.socket.try_recv(buffer)?;
        let reply = if self.v4 { 0 } else { 129 };
        let message = &buffer[..length];
        Ok((message.first() == Some(&reply) && length >= HEADER + 2)
            .then(|| Bytes::copy_from_slice(&message[HEADER..])))
    }

    pub fn poll_recv_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_recv_ready(context)
    }
}
