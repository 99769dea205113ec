//! One flow's socket.

use std::io;
use std::time::Instant;

use hawser_tunnel::frame::Reason;

use super::datagram::DatagramSocket;
use super::dial::Dial;
use super::echo::EchoSocket;
use super::tcp::TcpFlow;

pub(super) struct Flow {
    pub socket: Socket,
    pub active: Instant,
    pub waker: std::task::Waker,
}

pub(super) enum Socket {
    Dialling(Dial),
    Tcp(Box<TcpFlow>),
    Udp(DatagramSocket),
    Echo(EchoSocket),
}

impl Flow {
    pub fn is_finished(&self) -> bool {
        matches!(&self.socket, Socket::Tcp(tcp) if tcp.is_finished())
    }

    /// The laptop reset the flow: so does the manager.
    pub fn abort(self) {
        if let Socket::Tcp(tcp) = self.socket {
            tcp.abort();
        }
    }
}

/// What an error of a socket means for the flow.
pub(super) fn reason(error: &io::Error) -> Reason {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => Reason::Refused,
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN | libc::EADDRNOTAVAIL) => {
            Reason::Unreachable
        }
        Some(libc::ETIMEDOUT) => Reason::TimedOut,
        Some(libc::EACCES | libc::EPERM) => Reason::Forbidden,
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN) => Reason::Limit,
        _ => Reason::Reset,
    }
}
