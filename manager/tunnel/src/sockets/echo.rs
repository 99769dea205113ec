//! Echo flows over the unprivileged ping socket (Linux, `net.ipv4.ping_group_range`): answered only if the target answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};
use socket2::Protocol;

use super::datagram::DatagramSocket;

/// A ping socket, connected to one target. The kernel chooses its identifier and filters by it.
pub(super) struct EchoSocket {
    socket: DatagramSocket,
    v4: bool,
}

/// Type, code, checksum and identifier (RFC 792); the sequence number and the data follow.
const HEADER: usize = 6;

impl EchoSocket {
    pub fn connect(target: IpAddr) -> io::Result<Self> {
        let protocol = if target.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let socket = DatagramSocket::connect(SocketAddr::new(target, 0), protocol)?;
        Ok(Self { socket, v4: target.is_ipv4() })
    }

    /// Sends a request; `bytes` begin with the sequence number.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut message = BytesMut::with_capacity(HEADER + bytes.len());
        message.put_u8(if self.v4 { 8 } else { 128 });
        message.put_bytes(0, HEADER - 1);
        message.put_slice(bytes);
        self.socket.send(&message)
    }

    /// Receives a reply: sequence number and data. `None` for any other message.
    pub fn poll_receive(&self, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<Option<Bytes>>> {
        let reply = if self.v4 { 0 } else { 129 };
        self.socket.poll_receive(waker, buffer).map_ok(|length| {
            let message = &buffer[..length];
            (message.first() == Some(&reply) && length >= HEADER + 2)
                .then(|| Bytes::copy_from_slice(&message[HEADER..]))
        })
    }
}
