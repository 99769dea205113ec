//! A connected datagram socket that also wakes for errors, such as a refusal (ICMP port unreachable).

use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, Waker, ready};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::limits;

pub(super) struct DatagramSocket(AsyncFd<Socket>);

impl DatagramSocket {
    pub fn connect(target: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target), Type::DGRAM, Some(protocol))?;
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        socket.bind(&SockAddr::from(any))?;
        let _ = socket.set_recv_buffer_size(limits::DATAGRAM_BUFFER);
        let _ = socket.set_send_buffer_size(limits::DATAGRAM_BUFFER);
        match target {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true)?,
        }
        errors_as_priority(&socket)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::from(target))?;
        // SAFETY: the socket is owned by the AsyncFd and closed with it.
        Ok(Self(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::PRIORITY) }?))
    }

    /// Sends, or fails at once.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_ref().send(bytes).map(drop)
    }

    /// Receives one datagram, or an error that an earlier one brought back. Wakes `waker` if there is none.
    pub fn poll_receive(&self, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(&mut Context::from_waker(waker)))?;
            if let Ok(received) = guard.try_io(|socket| socket.get_ref().read(buffer)) {
                return Poll::Ready(received);
            }
        }
    }
}

/// Makes a pending error readiness of the kind EPOLLPRI as well (socket(7), `SO_SELECT_ERR_QUEUE`): tokio passes no other
/// sign of an error to who waits to read.
fn errors_as_priority(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the value is an int and outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SELECT_ERR_QUEUE,
            std::ptr::from_ref(&on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
