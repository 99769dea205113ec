//! Opening flows: targets are checked, TCP is dialled without blocking, thousands at once.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use hawser_tunnel::frame::{FlowId, Kind, Reason};
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::TcpStream;

use super::Session;
use super::datagram::DatagramSocket;
use super::echo::EchoSocket;
use super::flow::{Flow, Socket, reason};
use super::tcp::TcpFlow;
use crate::{limits, metrics};

/// A TCP connection that is being made.
pub(super) struct Dial {
    stream: TcpStream,
    begun: Instant,
}

/// Dials in the order of their deadlines.
#[derive(Default)]
pub(super) struct Dials(VecDeque<(Instant, FlowId)>);

impl Dials {
    pub fn next_deadline(&self) -> Option<Instant> {
        self.0.front().map(|(deadline, _)| *deadline)
    }

    pub fn expired(&mut self, now: Instant) -> Option<FlowId> {
        self.0.pop_front_if(|(deadline, _)| *deadline <= now).map(|(_, flow)| flow)
    }
}

impl Session {
    pub(super) fn open(&mut self, flow: FlowId, kind: Kind, target: SocketAddr, now: Instant) {
        metrics::FLOWS.up();
        if !self.cluster.serves(target.ip()) {
            metrics::FLOWS_REFUSED.up();
            return self.mux.reject(flow, Reason::Forbidden);
        }
        let waker = self.ready.waker(flow);
        let opened = match kind {
            Kind::Tcp => self.dial(flow, target, now),
            Kind::Udp => DatagramSocket::connect(target, Protocol::UDP).map(Socket::Udp),
            Kind::Echo => EchoSocket::connect(target.ip()).map(Socket::Echo),
        };
        match opened {
            Ok(socket) => {
                let waits = matches!(socket, Socket::Dialling(_));
                self.sockets.flows.insert(flow, Flow { socket, active: now, waker });
                if waits {
                    self.dialled(flow);
                } else {
                    self.mux.accept(flow, 0);
                    self.watch_expiry(now);
                    self.ready.push(flow);
                }
            }
            Err(error) => {
                metrics::FLOWS_REFUSED.up();
                self.mux.reject(flow, reason(&error));
            }
        }
    }

    fn dial(&mut self, flow: FlowId, target: SocketAddr, now: Instant) -> io::Result<Socket> {
        if self.dials.0.len() >= limits::DIALS {
            self.dials.0.retain(|(_, flow)| {
                matches!(self.sockets.flows.get(flow), Some(Flow { socket: Socket::Dialling(_), .. }))
            });
            if self.dials.0.len() >= limits::DIALS {
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
        }
        let dial = Dial { stream: connect(target)?, begun: Instant::now() };
        self.dials.0.push_back((now + limits::DIAL_TIME, flow));
        Ok(Socket::Dialling(dial))
    }

    /// Looks whether a dial has come to its end.
    pub(super) fn dialled(&mut self, flow: FlowId) {
        let Some(Flow { socket: Socket::Dialling(dial), waker, .. }) = self.sockets.flows.get_mut(&flow) else {
            return;
        };
        let result = match dial.stream.take_error() {
            Ok(None) => {
                // On the same machine the connection is there as soon as it is asked for.
                if dial.stream.peer_addr().is_err() {
                    match dial.stream.poll_write_ready(&mut Context::from_waker(waker)) {
                        Poll::Pending => return,
                        Poll::Ready(_) => dial.stream.take_error().and_then(|error| error.map_or(Ok(()), Err)),
                    }
                } else {
                    Ok(())
                }
            }
            Ok(Some(error)) | Err(error) => Err(error),
        };
        let round_trip = dial.begun.elapsed();
        let Some(Flow { socket: Socket::Dialling(dial), active, waker }) = self.sockets.flows.remove(&flow) else {
            return;
        };
        match result {
            Ok(()) => {
                let socket = Socket::Tcp(Box::new(TcpFlow::new(dial.stream, waker.clone())));
                self.sockets.flows.insert(flow, Flow { socket, active, waker });
                self.mux.accept(flow, u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX));
                self.mux.ready(flow);
            }
            Err(error) => {
                metrics::FLOWS_REFUSED.up();
                self.mux.reject(flow, reason(&error));
            }
        }
    }
}

/// Begins to connect.
fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&SockAddr::from(target)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    TcpStream::from_std(socket.into())
}
