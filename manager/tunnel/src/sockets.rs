//! One end of a link whose flows are sockets: those that the peer asks for, and those that it is asked for.
//!
//! The sockets are driven by the link's outgoing side: when one can be read or written it joins a list and wakes that side, which
//! sees to the list before it takes bytes straight out of the sockets into the next batch. There is no task and no buffer
//! for a flow.

mod datagram;
mod dial;
mod echo;
mod flow;
mod gate;
mod opener;
mod pipe;
mod readiness;
mod serve;
mod stream;
mod udp;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use crate::error::LinkError;
use crate::frame::{FlowId, Reason, WireError};
use crate::limits;
use crate::link::Endpoint;
use crate::mux::{Event, Mux, Pull, Source};
use dial::Dials;
use flow::{Ends, Flow, Socket};
use opener::Arrival;
use readiness::ReadyList;
use stream::{Stream, StreamFlow};

pub use crate::mux::Side;
pub use gate::{Answer, Gate, Lead};
pub use opener::{Near, Opener};
pub use pipe::{End, pipe};
pub use serve::serve;

/// See the module's description.
pub struct Sockets {
    mux: Mux,
    carried: Carried,
    dials: Dials,
    gate: Arc<dyn Gate>,
    opener: Opener,
    ready: Arc<ReadyList>,
    events: Vec<Event>,
    /// Queries that came and are not yet with the resolver.
    queries: Vec<(u32, Bytes)>,
    queries_open: usize,
    /// Who waits for answers of the peer.
    asked: HashMap<u32, oneshot::Sender<Bytes>>,
    next_question: u32,
    /// How far the peer was said to be.
    round_trip: Option<Duration>,
}

/// The flows, as the multiplexer pulls from them.
#[derive(Default)]
struct Carried {
    flows: HashMap<FlowId, Flow, ahash::RandomState>,
    /// Flows that ended while they were pulled.
    ended: Vec<(FlowId, Reason)>,
    /// Flows whose both directions have ended.
    finished: Vec<FlowId>,
    /// When idle UDP and echo flows are looked for.
    next_expiry: Option<Instant>,
}

impl Sockets {
    /// An end without flows. `gate` decides what the peer may have; `opener` is how others ask the peer for flows.
    pub fn new(side: Side, gate: Arc<dyn Gate>, opener: Opener) -> Self {
        Self {
            mux: Mux::new(side, Instant::now()),
            carried: Carried::default(),
            dials: Dials::default(),
            gate,
            opener,
            ready: Arc::default(),
            events: Vec::new(),
            queries: Vec::new(),
            queries_open: 0,
            asked: HashMap::new(),
            next_question: 0,
            round_trip: None,
        }
    }

    /// Flows that are open or being opened.
    pub fn flow_count(&self) -> usize {
        self.carried.flows.len()
    }

    fn receive(&mut self, bytes: Bytes, now: Instant) -> Result<(), WireError> {
        let mut events = std::mem::take(&mut self.events);
        let result = self.mux.receive(bytes, now, &mut events);
        for event in events.drain(..) {
            self.event(event, now);
        }
        self.events = events;
        let round_trip = self.mux.round_trip();
        if self.round_trip != round_trip {
            self.round_trip = round_trip;
            self.opener.measured(round_trip);
        }
        result
    }

    fn event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Opened { flow, kind, target } => self.open(flow, kind, target, now),
            Event::Accepted { flow, round_trip_us } => self.accepted(flow, round_trip_us),
            Event::Rejected { flow, reason } | Event::Reset { flow, reason } => {
                if let Some(state) = self.carried.flows.remove(&flow) {
                    state.abort(reason);
                }
            }
            Event::Data { flow, bytes } => self.data(flow, bytes, now),
            Event::Finished { flow } => self.peer_finished(flow, now),
            Event::Datagram { flow, bytes } => self.datagram(flow, bytes, now),
            Event::Query { id, message } if self.queries_open < limits::QUERIES => {
                self.gate.count_query();
                self.queries_open += 1;
                self.queries.push((id, message));
            }
            Event::Query { id, .. } => self.mux.answer(id, Bytes::new()),
            Event::Answer { id, message } => {
                if let Some(waiting) = self.asked.remove(&id) {
                    let _ = waiting.send(message);
                }
            }
            // Who has another link uses that one; flows of this one go on.
            Event::GoingAway => self.opener.close(),
        }
    }

    fn data(&mut self, flow: FlowId, bytes: Bytes, now: Instant) {
        let Some(state) = self.carried.flows.get_mut(&flow) else { return };
        match &mut state.socket {
            Socket::Stream(stream) => {
                let written = stream.write(bytes);
                self.settle_write(flow, written, now);
            }
            Socket::Pipe(end, _) => {
                if let Err(reason) = end.write(bytes) {
                    self.end(flow, reason);
                }
            }
            _ => {}
        }
    }

    fn peer_finished(&mut self, flow: FlowId, now: Instant) {
        let Some(state) = self.carried.flows.get_mut(&flow) else { return };
        match &mut state.socket {
            Socket::Stream(stream) => {
                stream.finish();
                let written = stream.flush();
                self.settle_write(flow, written, now);
            }
            Socket::Pipe(end, ends) => {
                end.finish();
                ends.finished = true;
                self.settle_write(flow, Ok(0), now);
            }
            _ => {}
        }
    }

    /// The peer grants a flow that it was asked for.
    fn accepted(&mut self, flow: FlowId, round_trip_us: u32) {
        let waker = self.ready.waker(flow);
        self.carried.take_up(flow, |socket| match socket {
            Socket::Asked(near) => match near {
                Near::Tcp(stream) => Socket::Stream(Box::new(StreamFlow::new(Stream::Tcp(stream), waker))),
                Near::Stream(stream) => Socket::Stream(Box::new(StreamFlow::new(Stream::Unix(stream), waker))),
                Near::Pipe(end) => {
                    end.answer(Ok(round_trip_us));
                    Socket::Pipe(end, Ends::default())
                }
            },
            other => other,
        });
        self.ready.push(flow);
    }

    /// Asks the peer for what others want of it.
    fn ask(&mut self, now: Instant) {
        for Arrival { kind, target, near } in self.opener.take() {
            let Some(flow) = self.mux.open(kind, target) else {
                refuse(near, Reason::Limit);
                continue;
            };
            let waker = self.ready.waker(flow);
            self.carried.flows.insert(flow, Flow { socket: Socket::Asked(near), active: now, waker });
        }
    }

    fn ask_names(&mut self) {
        if self.asked.len() >= limits::QUERIES {
            self.asked.retain(|_, waiting| !waiting.is_closed());
        }
        for (message, waiting) in self.opener.take_questions() {
            if self.asked.len() < limits::QUERIES {
                self.next_question = self.next_question.wrapping_add(1);
                self.asked.insert(self.next_question, waiting);
                self.mux.query(self.next_question, message);
            }
        }
    }

    /// Sees to the sockets that became readable or writable.
    fn see_to_sockets(&mut self, now: Instant) {
        for flow in self.ready.take() {
            let Some(state) = self.carried.flows.get_mut(&flow) else { continue };
            match &mut state.socket {
                Socket::Dialling(_) | Socket::Asking(_) => self.answered(flow),
                Socket::Stream(stream) => {
                    let written = stream.flush();
                    self.settle_write(flow, written, now);
                    self.mux.ready(flow);
                }
                Socket::Pipe(end, _) => {
                    end.listen(&state.waker);
                    let taken = end.taken();
                    self.settle_write(flow, taken, now);
                    self.read_pipe(flow);
                    self.mux.ready(flow);
                }
                Socket::Udp(_) | Socket::Echo(_) => self.read_datagrams(flow, now),
                Socket::Asked(_) => {}
            }
        }
    }

    /// Books what a write did: credit for the bytes, or the end of the flow.
    fn settle_write(&mut self, flow: FlowId, written: Result<usize, Reason>, now: Instant) {
        match written {
            Ok(0) => {}
            Ok(bytes) => self.mux.consumed(flow, bytes, now),
            Err(reason) => self.end(flow, reason),
        }
        if self.carried.flows.get(&flow).is_some_and(Flow::is_finished) {
            self.carried.flows.remove(&flow);
        }
    }

    /// Resets a flow towards the peer.
    fn end(&mut self, flow: FlowId, reason: Reason) {
        self.carried.flows.remove(&flow);
        self.mux.reset(flow, reason);
    }

    fn answer(&mut self, id: u32, message: Option<Bytes>) {
        self.queries_open -= 1;
        self.mux.answer(id, message.unwrap_or_default());
    }

    fn tick(&mut self, now: Instant) -> Result<(), LinkError> {
        while let Some(flow) = self.dials.expired(now) {
            if let Some(Flow { socket: Socket::Dialling(_), .. }) = self.carried.flows.get(&flow) {
                self.refuse(flow, Reason::TimedOut);
            }
        }
        self.expire_datagrams(now);
        self.mux.tick(now).map_err(|_| LinkError::Silent)
    }

    fn next_deadline(&self) -> Instant {
        [self.dials.next_deadline(), self.next_expiry()]
            .into_iter()
            .flatten()
            .fold(self.mux.next_deadline(), Instant::min)
    }

    /// The link is over: every flow with it.
    fn close(&mut self) {
        self.opener.close();
        self.asked.clear();
        for (_, flow) in self.carried.flows.drain() {
            flow.abort(Reason::Reset);
        }
    }
}

fn refuse(near: Near, reason: Reason) {
    match near {
        Near::Tcp(stream) => Stream::Tcp(stream).reset(),
        Near::Stream(_) => {}
        Near::Pipe(end) => end.answer(Err(reason)),
    }
}

impl Endpoint for Sockets {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        self.ask(now);
        self.ask_names();
        self.see_to_sockets(now);
        self.mux.transmit(out, size, now, &mut self.carried);
        let broken = !self.carried.ended.is_empty();
        while let Some((flow, reason)) = self.carried.ended.pop() {
            self.end(flow, reason);
        }
        if broken {
            self.mux.transmit(out, size, now, &mut self.carried);
        }
        while let Some(flow) = self.carried.finished.pop() {
            self.carried.flows.remove(&flow);
        }
    }
}

impl Carried {
    /// Makes another kind of socket of a flow's.
    fn take_up(&mut self, flow: FlowId, change: impl FnOnce(Socket) -> Socket) {
        if let Some(Flow { socket, active, waker }) = self.flows.remove(&flow) {
            self.flows.insert(flow, Flow { socket: change(socket), active, waker });
        }
    }
}

impl Source for Carried {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        let Some(state) = self.flows.get_mut(&flow) else { return Pull::Empty };
        let pulled = match &mut state.socket {
            Socket::Stream(stream) => stream.pull(room, out),
            Socket::Pipe(_, ends) if ends.pulled => return Pull::Empty,
            Socket::Pipe(end, ends) => {
                let pull = end.pull(room, out);
                ends.pulled = matches!(pull, Ok(Pull::End));
                pull
            }
            _ => return Pull::Empty,
        };
        match pulled {
            Ok(pull) => {
                if state.is_finished() {
                    self.finished.push(flow);
                }
                pull
            }
            Err(reason) => {
                self.ended.push((flow, reason));
                Pull::Empty
            }
        }
    }
}
