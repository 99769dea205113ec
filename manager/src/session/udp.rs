//! UDP and echo flows: datagrams between the mux and a flow's socket.

use std::io;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use hawser_tunnel::frame::{FlowId, Reason};

use super::Session;
use super::flow::{Socket, reason};
use crate::limits;

/// Largest datagram (RFC 768 over IPv6 without options).
const LARGEST: usize = 65_527;

impl Session {
    /// A datagram from the laptop. One that the socket cannot take now is lost, as on any wire.
    pub(super) fn datagram(&mut self, flow: FlowId, bytes: Bytes, now: Instant) {
        let Some(state) = self.sockets.flows.get_mut(&flow) else { return };
        state.active = now;
        let sent = match &mut state.socket {
            Socket::Udp(socket) => socket.send(&bytes),
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
            let received = match &state.socket {
                Socket::Udp(socket) => socket
                    .poll_receive(&state.waker, &mut buffer)
                    .map_ok(|length| Some(Bytes::copy_from_slice(&buffer[..length]))),
                Socket::Echo(echo) => echo.poll_receive(&state.waker, &mut buffer),
                Socket::Dialling(_) | Socket::Tcp(_) => return,
            };
            match received {
                Poll::Pending => return,
                Poll::Ready(Ok(datagram)) => {
                    state.active = now;
                    if let Some(datagram) = datagram {
                        self.mux.datagram(flow, datagram);
                    }
                }
                Poll::Ready(Err(error)) => {
                    self.settle_error(flow, &error);
                    if !self.sockets.flows.contains_key(&flow) {
                        return;
                    }
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
