//! Opening flows: targets are checked, TCP is dialled without blocking, thousands at once.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::TcpStream;

use super::Sockets;
use super::datagram::DatagramSocket;
use super::echo::EchoSocket;
use super::flow::{Ends, Flow, Socket, reason};
use super::gate::Lead;
use super::stream::{Stream, StreamFlow};
use crate::frame::{FlowId, Kind, Reason};
use crate::limits;

/// A TCP connection that is being made.
pub(super) struct Dial {
    stream: TcpStream,
    begun: Instant,
    /// What the peer asked for.
    asked: SocketAddr,
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

impl Sockets {
    pub(super) fn open(&mut self, flow: FlowId, kind: Kind, target: SocketAddr, now: Instant) {
        self.gate.count_flow();
        let opened = match self.gate.lead(kind, target) {
            Ok(lead) => {
                self.socket(flow, kind, target, lead, now).map_err(|error| (reason(&error), Some((kind, target))))
            }
            Err(reason) => Err((reason, None)),
        };
        match opened {
            Ok(socket) => {
                let answers = matches!(socket, Socket::Dialling(_) | Socket::Asking(_));
                let waker = self.ready.waker(flow);
                let flows = &mut self.carried.flows;
                flows.insert(flow, Flow { socket, active: now, waker });
                if answers {
                    return self.answered(flow);
                }
                self.mux.accept(flow, 0);
                self.watch_expiry(now);
                self.ready.push(flow);
            }
            Err((reason, asked)) => self.reject(flow, reason, asked),
        }
    }

    fn socket(&mut self, flow: FlowId, kind: Kind, asked: SocketAddr, lead: Lead, now: Instant) -> io::Result<Socket> {
        match (lead, kind) {
            (Lead::To(target), Kind::Tcp) => self.dial(flow, asked, target, now),
            (Lead::To(target), Kind::Udp) => DatagramSocket::connect(target, Protocol::UDP).map(Socket::Udp),
            (Lead::To(target), Kind::Echo) => EchoSocket::connect(target.ip()).map(Socket::Echo),
            (Lead::Pipe(end), _) => Ok(Socket::Asking(end)),
            (Lead::Stream(stream), _) => {
                Ok(Socket::Stream(Box::new(StreamFlow::new(Stream::Unix(stream), self.ready.waker(flow)))))
            }
        }
    }

    /// The peer does not get the flow.
    pub(super) fn refuse(&mut self, flow: FlowId, reason: Reason) {
        let asked = match self.carried.flows.remove(&flow) {
            Some(Flow { socket: Socket::Dialling(dial), .. }) => Some((Kind::Tcp, dial.asked)),
            _ => None,
        };
        self.reject(flow, reason, asked);
    }

    fn reject(&mut self, flow: FlowId, reason: Reason, asked: Option<(Kind, SocketAddr)>) {
        self.gate.count_refusal(asked);
        self.mux.reject(flow, reason);
    }

    fn dial(&mut self, flow: FlowId, asked: SocketAddr, target: SocketAddr, now: Instant) -> io::Result<Socket> {
        if self.dials.0.len() >= limits::DIALS {
            self.dials.0.retain(|(_, flow)| {
                matches!(self.carried.flows.get(flow), Some(Flow { socket: Socket::Dialling(_), .. }))
            });
            if self.dials.0.len() >= limits::DIALS {
                return Err(io::Error::from_raw_os_error(libc::EAGAIN));
            }
        }
        let dial = Dial { stream: connect(target)?, begun: Instant::now(), asked };
        self.dials.0.push_back((now + limits::DIAL_TIME, flow));
        Ok(Socket::Dialling(dial))
    }

    /// Looks whether what the peer waits for is there.
    pub(super) fn answered(&mut self, flow: FlowId) {
        match self.carried.flows.get_mut(&flow) {
            Some(Flow { socket: Socket::Dialling(_), .. }) => self.dialled(flow),
            Some(Flow { socket: Socket::Asking(end), waker, .. }) => {
                let Poll::Ready(answer) = end.poll_answer(waker) else { return };
                match answer {
                    Ok(round_trip) => {
                        self.carried.take_up(flow, |socket| match socket {
                            Socket::Asking(end) => Socket::Pipe(end, Ends::default()),
                            other => other,
                        });
                        self.mux.accept(flow, round_trip);
                        self.ready.push(flow);
                    }
                    Err(reason) => self.refuse(flow, reason),
                }
            }
            _ => {}
        }
    }

    fn dialled(&mut self, flow: FlowId) {
        let Some(Flow { socket: Socket::Dialling(dial), waker, .. }) = self.carried.flows.get_mut(&flow) else {
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
        match result {
            Ok(()) => {
                let waker = waker.clone();
                self.carried.take_up(flow, |socket| match socket {
                    Socket::Dialling(dial) => {
                        Socket::Stream(Box::new(StreamFlow::new(Stream::Tcp(dial.stream), waker)))
                    }
                    other => other,
                });
                self.mux.accept(flow, u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX));
                self.mux.ready(flow);
            }
            Err(error) => self.refuse(flow, reason(&error)),
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
