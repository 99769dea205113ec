//! UDP and echo flows: one connected socket each.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Waker};
use std::time::Instant;

use bytes::Bytes;
use hawser_tunnel::frame::{FlowId, Reason};
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use tokio::net::UdpSocket;

use super::Session;
use super::flow::{Socket, reason};
use crate::limits;

/// Largest datagram (RFC 768 over IPv6 without options).
const LARGEST: usize = 65_527;

pub(super) fn open(target: SocketAddr, waker: &Waker) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(target), Type::DGRAM, Some(Protocol::UDP))?;
    connect(socket, target, waker)
}

/// Connects a datagram socket, asks it to report unreachable targets, and waits for its first datagram.
pub(super) fn connect(socket: socket2::Socket, target: SocketAddr, waker: &Waker) -> io::Result<UdpSocket> {
    let any: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    socket.bind(&SockAddr::from(any))?;
    let _ = SockRef::from(&socket).set_recv_buffer_size(limits::DATAGRAM_BUFFER);
    let _ = SockRef::from(&socket).set_send_buffer_size(limits::DATAGRAM_BUFFER);
    match target {
        SocketAddr::V4(_) => nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv4RecvErr, &true)?,
        SocketAddr::V6(_) => nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv6RecvErr, &true)?,
    }
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::from(target))?;
    let socket = UdpSocket::from_std(socket.into())?;
    let _ = socket.poll_recv_ready(&mut Context::from_waker(waker));
    Ok(socket)
}

impl Session {
    /// A datagram from the laptop. One that the socket cannot take now is lost, as on any wire.
    pub(super) fn datagram(&mut self, flow: FlowId, bytes: Bytes, now: Instant) {
        let Some(state) = self.sockets.flows.get_mut(&flow) else { return };
        state.active = now;
        let sent = match &mut state.socket {
            // Straight to the kernel: tokio knows only after its next turn that a new socket can be written to.
            Socket::Udp(socket) => SockRef::from(&*socket).send(&bytes).map(drop),
            Socket::Echo(echo) => echo.send(&bytes),
            Socket::Dialling(_) | Socket::Tcp(_) => return,
        };
        if let Err(error) = sent {
            self.settle_error(flow, &error);
        }
    }

    pub(super) fn read_datagrams(&mut self, flow: FlowId, now: Instant) {
        let mut buffer = [0; LARGEST];
        for _ in 0..limits::DATAGRAMS_PER_TURN {
            let Some(state) = self.sockets.flows.get_mut(&flow) else { return };
            let received = match &mut state.socket {
                Socket::Udp(socket) => {
                    socket.try_recv(&mut buffer).map(|length| Some(Bytes::copy_from_slice(&buffer[..length])))
                }
                Socket::Echo(echo) => echo.receive(&mut buffer),
                Socket::Dialling(_) | Socket::Tcp(_) => return,
            };
            match received {
                Ok(datagram) => {
                    state.active = now;
                    if let Some(datagram) = datagram {
                        self.mux.datagram(flow, datagram);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut context = Context::from_waker(&state.waker);
                    let ready = match &state.socket {
                        Socket::Udp(socket) => socket.poll_recv_ready(&mut context),
                        Socket::Echo(echo) => echo.poll_recv_ready(&mut context),
                        Socket::Dialling(_) | Socket::Tcp(_) => return,
                    };
                    if ready.is_pending() {
                        return;
                    }
                }
                Err(error) => {
                    return self.settle_error(flow, &error);
                }
            }
        }
        // More may be there: come back after the others.
        self.ready.push(flow);
    }

    /// Forgets flows that the laptop forgot to end.
    pub(super) fn expire_datagrams(&mut self, now: Instant) {
        if self.sockets.next_expiry.is_none_or(|at| at > now) {
            return;
        }
        let idle = |flow: &super::Flow| {
            matches!(flow.socket, Socket::Udp(_) | Socket::Echo(_))
                && now.saturating_duration_since(flow.active) >= limits::DATAGRAM_IDLE
        };
        let expired: Vec<FlowId> =
            self.sockets.flows.iter().filter(|(_, flow)| idle(flow)).map(|(id, _)| *id).collect();
        for flow in expired {
            self.end(flow, Reason::TimedOut);
        }
        let any = self.sockets.flows.values().any(|flow| matches!(flow.socket, Socket::Udp(_) | Socket::Echo(_)));
        self.sockets.next_expiry = any.then(|| now + limits::DATAGRAM_IDLE);
    }

    pub(super) fn watch_expiry(&mut self, now: Instant) {
        self.sockets.next_expiry.get_or_insert(now + limits::DATAGRAM_IDLE);
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.sockets.next_expiry
    }

    fn settle_error(&mut self, flow: FlowId, error: &io::Error) {
        match error.raw_os_error() {
            // A datagram too large for the path, or no room for it right now: that datagram alone is lost.
            Some(libc::EMSGSIZE | libc::EAGAIN | libc::ENOBUFS | libc::EINTR) => {}
            _ => self.end(flow, reason(error)),
        }
    }
}
