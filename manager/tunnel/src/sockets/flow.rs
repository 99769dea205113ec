//! One flow's socket.

use std::io;
use std::time::Instant;

use super::datagram::DatagramSocket;
use super::dial::Dial;
use super::echo::EchoSocket;
use super::opener::Near;
use super::pipe::End;
use super::stream::{Stream, StreamFlow};
use crate::frame::Reason;

pub(super) struct Flow {
    pub socket: Socket,
    pub active: Instant,
    pub waker: std::task::Waker,
}

pub(super) enum Socket {
    /// A TCP connection that is being made.
    Dialling(Dial),
    /// The far side of a pipe has not answered yet.
    Asking(End),
    /// The peer has not answered yet.
    Asked(Near),
    Stream(Box<StreamFlow>),
    Pipe(End, Ends),
    Udp(DatagramSocket),
    Echo(EchoSocket),
}

/// Which directions of a pipe have ended.
#[derive(Default)]
pub(super) struct Ends {
    pub pulled: bool,
    pub finished: bool,
}

impl Flow {
    pub fn is_finished(&self) -> bool {
        match &self.socket {
            Socket::Stream(stream) => stream.is_finished(),
            Socket::Pipe(_, ends) => ends.pulled && ends.finished,
            _ => false,
        }
    }

    /// The peer reset the flow, or the link is gone: so does this side.
    pub fn abort(self, reason: Reason) {
        match self.socket {
            Socket::Stream(stream) => stream.abort(),
            Socket::Asked(Near::Tcp(stream)) => Stream::Tcp(stream).reset(),
            Socket::Asked(Near::Pipe(end)) => end.answer(Err(reason)),
            Socket::Pipe(end, _) => end.reset(reason),
            _ => {}
        }
    }

    /// Whether it is to be ended when it was silent for long.
    pub fn is_datagrams(&self) -> bool {
        matches!(self.socket, Socket::Udp(_) | Socket::Echo(_))
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
