//! Datagrams between the multiplexer and what stands behind a flow.

use std::io;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;

use super::Sockets;
use super::flow::{Flow, Socket, reason};
use crate::frame::{FlowId, Reason};
use crate::limits;

/// Largest datagram (RFC 768 over IPv6 without options).
const LARGEST: usize = 65_527;

impl Sockets {
    /// A datagram from the peer. One that the socket cannot take now is lost, as on any wire.
    pub(super) fn datagram(&mut self, flow: FlowId, bytes: Bytes, now: Instant) {
        let Some(state) = self.carried.flows.get_mut(&flow) else { return };
        state.active = now;
        let sent = match &mut state.socket {
            Socket::Udp(socket) => socket.send(&bytes),
            Socket::Echo(echo) => echo.send(&bytes),
            Socket::Pipe(end, _) => {
                let _ = end.send(bytes);
                return;
            }
            _ => return,
        };
        if let Err(error) = sent {
            self.settle_error(flow, &error);
        }
    }

    pub(super) fn read_datagrams(&mut self, flow: FlowId, now: Instant) {
        let mut buffer = [0; LARGEST];
        for _ in 0..limits::DATAGRAMS_PER_TURN {
            let Some(state) = self.carried.flows.get_mut(&flow) else { return };
            let received = match &state.socket {
                Socket::Udp(socket) => socket
                    .poll_receive(&state.waker, &mut buffer)
                    .map_ok(|length| Some(Bytes::copy_from_slice(&buffer[..length]))),
                Socket::Echo(echo) => echo.poll_receive(&state.waker, &mut buffer),
                _ => return,
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
                    if !self.carried.flows.contains_key(&flow) {
                        return;
                    }
                }
            }
        }
        // More may be there: come back after the others.
        self.ready.push(flow);
    }

    /// Datagrams that the other end of a pipe has sent.
    pub(super) fn read_pipe(&mut self, flow: FlowId) {
        while let Some(Flow { socket: Socket::Pipe(end, _), waker, .. }) = self.carried.flows.get(&flow)
            && let Poll::Ready(Ok(datagram)) = end.poll_datagram(waker)
        {
            self.mux.datagram(flow, datagram);
        }
    }

    /// Forgets flows that the peer forgot to end.
    pub(super) fn expire_datagrams(&mut self, now: Instant) {
        if self.carried.next_expiry.is_none_or(|at| at > now) {
            return;
        }
        let idle =
            |flow: &Flow| flow.is_datagrams() && now.saturating_duration_since(flow.active) >= limits::DATAGRAM_IDLE;
        let expired: Vec<FlowId> =
            self.carried.flows.iter().filter(|(_, flow)| idle(flow)).map(|(id, _)| *id).collect();
        for flow in expired {
            self.end(flow, Reason::TimedOut);
        }
        let any = self.carried.flows.values().any(Flow::is_datagrams);
        self.carried.next_expiry = any.then(|| now + limits::DATAGRAM_IDLE);
    }

    pub(super) fn watch_expiry(&mut self, now: Instant) {
        self.carried.next_expiry.get_or_insert(now + limits::DATAGRAM_IDLE);
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.carried.next_expiry
    }

    fn settle_error(&mut self, flow: FlowId, error: &io::Error) {
        match error.raw_os_error() {
            // A datagram too large for the path, or no room for it right now: that datagram alone is lost.
            Some(libc::EMSGSIZE | libc::EAGAIN | libc::ENOBUFS | libc::EINTR) => {}
            _ => self.end(flow, reason(error)),
        }
    }
}
