//! The multiplexer: many flows on one link, each with its own credit.
//!
//! Sans-IO. What came from the wire goes into [`Mux::receive`] and comes out as [`Event`]s; what is to go to the wire is pulled
//! by [`Mux::transmit`], which asks a [`Source`] for the bytes of the flow whose turn it is, so that payload waits in the
//! sockets where it came from and not here.

mod datagrams;
mod flow;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame::{Decoder, FlowId, Frame, Kind, LONGEST_PAYLOAD, PAYLOAD_HEADER, Reason, WireError, kind};
use crate::limits;
use crate::schedule::{SCRAP, Schedule};
use flow::MuxFlow;

/// Which end of the link this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The helper, which made the link: odd flow numbers.
    Client,
    /// The manager.
    Server,
}

/// Where the bytes of flows come from.
pub trait Source {
    /// Appends at most `room` bytes of this flow's stream to `out`.
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull;
}

/// What a [`Source`] has after a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// There may be more.
    More,
    /// Nothing more until the flow is marked ready again.
    Empty,
    /// That was the end of the stream.
    End,
}

/// What the peer did.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Event {
    /// The peer asks for a flow: answer by [`Mux::accept`] or [`Mux::reject`].
    Opened {
        flow: FlowId,
        kind: Kind,
        target: SocketAddr,
    },
    Accepted {
        flow: FlowId,
        round_trip_us: u32,
    },
    Rejected {
        flow: FlowId,
        reason: Reason,
    },
    /// Bytes of the stream: say by [`Mux::consumed`] when they are gone.
    Data {
        flow: FlowId,
        bytes: Bytes,
    },
    /// The peer's stream has ended.
    Finished {
        flow: FlowId,
    },
    Reset {
        flow: FlowId,
        reason: Reason,
    },
    Datagram {
        flow: FlowId,
        bytes: Bytes,
    },
    Query {
        id: u32,
        message: Bytes,
    },
    /// Empty if the manager has no answer.
    Answer {
        id: u32,
        message: Bytes,
    },
    GoingAway,
}

/// Why a link ends by the multiplexer's own judgement.
#[derive(Debug, PartialEq, Eq)]
pub struct Silent;

/// One end of a link.
#[derive(Debug)]
pub struct Mux {
    side: Side,
    decoder: Decoder,
    flows: HashMap<FlowId, MuxFlow, ahash::RandomState>,
    next_flow: u32,
    schedule: Schedule,
    control: BytesMut,
    dropped_datagrams: u64,
    credit_grown: u64,
    heartbeat: Heartbeat,
}

#[derive(Debug)]
struct Heartbeat {
    heard: Instant,
    next: Instant,
    sent: Option<(u64, Instant)>,
    round_trip: Option<Duration>,
    /// Since when it is asked whether the other side lives.
    doubted: Option<Instant>,
}

impl Mux {
    /// A fresh end without flows.
    pub fn new(side: Side, now: Instant) -> Self {
        Self {
            side,
            decoder: Decoder::default(),
            flows: HashMap::default(),
            next_flow: if side == Side::Client { 1 } else { 2 },
            schedule: Schedule::default(),
            control: BytesMut::new(),
            dropped_datagrams: 0,
            credit_grown: 0,
            heartbeat: Heartbeat { heard: now, next: now, sent: None, round_trip: None, doubted: None },
        }
    }

    /// Asks the peer for a flow. `None` at [`limits::FLOWS`].
    pub fn open(&mut self, kind: Kind, target: SocketAddr) -> Option<FlowId> {
        if self.flows.len() >= limits::FLOWS {
            return None;
        }
        let flow = loop {
            let flow = FlowId(self.next_flow);
            self.next_flow = self.next_flow.wrapping_add(2);
            if flow.0 != 0 && !self.flows.contains_key(&flow) {
                break flow;
            }
        };
        self.flows.insert(flow, MuxFlow::new());
        self.control(Frame::Open { flow, kind, target });
        Some(flow)
    }

    /// Grants the flow that the peer asked for.
    pub fn accept(&mut self, flow: FlowId, round_trip_us: u32) {
        if self.flows.contains_key(&flow) {
            self.control(Frame::OpenOk { flow, round_trip_us });
        }
    }

    /// Refuses the flow that the peer asked for.
    pub fn reject(&mut self, flow: FlowId, reason: Reason) {
        if self.forget(flow) {
            self.control(Frame::OpenErr { flow, reason });
        }
    }

    /// Ends a flow in both directions at once.
    pub fn reset(&mut self, flow: FlowId, reason: Reason) {
        if self.forget(flow) {
            self.control(Frame::Rst { flow, reason });
        }
    }

    /// The flow's source has bytes, or its end, to give.
    pub fn ready(&mut self, flow: FlowId) {
        if let Some(state) = self.flows.get_mut(&flow)
            && !state.finished_sending
            && state.credit() > 0
        {
            self.schedule.ready(flow, &mut state.turn);
        }
    }

    /// Queues a datagram. Beyond the bounds the oldest one of the flow is dropped and counted.
    pub fn datagram(&mut self, flow: FlowId, bytes: Bytes) {
        if let Some(state) = self.flows.get_mut(&flow) {
            self.dropped_datagrams += state.datagrams.push(bytes);
            self.schedule.ready(flow, &mut state.turn);
        }
    }

    /// That many bytes of the peer's stream are out of this process's hands.
    pub fn consumed(&mut self, flow: FlowId, bytes: usize, now: Instant) {
        let round_trip = self.heartbeat.round_trip;
        let may_grow = self.credit_grown < limits::CREDIT_BUDGET;
        let Some(state) = self.flows.get_mut(&flow) else { return };
        if let Some(grant) = state.consumed(bytes as u64, now, round_trip, may_grow) {
            self.credit_grown += grant.grown;
            self.control(Frame::Credit { flow, consumed: grant.consumed, limit: grant.limit });
        }
    }

    /// Sends a DNS query to the manager.
    pub fn query(&mut self, id: u32, message: Bytes) {
        self.control(Frame::Query { id, message });
    }

    /// Answers a DNS query; an empty message says that there is no answer.
    pub fn answer(&mut self, id: u32, message: Bytes) {
        self.control(Frame::Answer { id, message });
    }

    /// Says that this side is about to stop.
    pub fn go_away(&mut self) {
        self.control(Frame::GoAway);
    }

    /// Whether [`Mux::transmit`] might have something to send.
    pub fn has_output(&self) -> bool {
        !self.control.is_empty() || !self.schedule.is_empty()
    }

    /// Whether the end of this flow's stream is still to be sent.
    pub fn owes_end(&self, flow: FlowId) -> bool {
        self.flows.get(&flow).is_some_and(|state| !state.finished_sending)
    }

    /// Number of flows that are open or being opened.
    pub fn flow_count(&self) -> usize {
        self.flows.len()
    }

    /// Last measured round trip of the heartbeat.
    pub fn round_trip(&self) -> Option<Duration> {
        self.heartbeat.round_trip
    }

    /// Datagrams that were dropped at a bound.
    pub fn dropped_datagrams(&self) -> u64 {
        self.dropped_datagrams
    }

    /// Takes bytes from the wire and appends what they mean to `events`.
    ///
    /// # Errors
    /// The first violation of the protocol; the link is to be ended then.
    pub fn receive(&mut self, chunk: Bytes, now: Instant, events: &mut Vec<Event>) -> Result<(), WireError> {
        self.heartbeat.heard = now;
        // Whatever comes is an answer: that to a probe may wait behind it for longer than a probe has.
        self.heartbeat.doubted = None;
        let mut decoder = std::mem::take(&mut self.decoder);
        let result = decoder.receive(chunk, |frame| self.frame(frame, now, events));
        self.decoder = decoder;
        result?;
        match self.control.len() > limits::QUEUED_CONTROL {
            true => Err(WireError::NotReading),
            false => Ok(()),
        }
    }

    /// Fills `out` up to about `size` bytes: control frames first, then flows in the order of the schedule, none of them
    /// with more of its stream at once than one packet of the laptop's device takes.
    pub fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant, source: &mut impl Source) {
        let control = self.control.len().min(size.saturating_sub(out.len()));
        out.put(self.control.split_to(control));
        while out.len() + SCRAP <= size {
            let Some(id) = self.schedule.next() else { return };
            let Some(flow) = self.flows.get_mut(&id) else { continue };
            let turn = flow.turn.begin();
            // Nobody waits for the end of this turn: the next one joins it, in the same frame.
            let turn = if self.schedule.is_empty() { size } else { turn };
            if flow.datagrams.is_empty() {
                self.send_stream(id, turn, out, size, now, source);
            } else {
                let sent = flow.datagrams.send(id, turn, out, size);
                flow.turn.sent(sent, now);
                match flow.datagrams.is_empty() {
                    true => flow.turn.emptied(),
                    false => self.schedule.again(id, &mut flow.turn),
                }
            }
        }
    }

    /// When [`Mux::tick`] wants to be called next.
    pub fn next_deadline(&self) -> Instant {
        let doubted = self.heartbeat.doubted.map(|since| since + self.time_to_answer());
        let silent = self.heartbeat.heard + self.patience();
        self.heartbeat.next.min(doubted.map_or(silent, |doubted| doubted.min(silent)))
    }

    /// Asks at once whether the other side lives. Until something is heard of it, it has less time than by itself.
    pub fn probe(&mut self, now: Instant) {
        self.heartbeat.next = self.heartbeat.next.min(now);
        self.heartbeat.doubted = Some(now);
    }

    /// Sends the heartbeat and notices a dead link.
    ///
    /// # Errors
    /// [`Silent`] if nothing was heard for too long.
    pub fn tick(&mut self, now: Instant) -> Result<(), Silent> {
        if now >= self.heartbeat.next {
            // A clock that jumped (the laptop slept) says nothing about the peer: ask before judging.
            if now.saturating_duration_since(self.heartbeat.next) > limits::SILENCE {
                self.heartbeat.heard = now;
            }
            let token = self.heartbeat.sent.map_or(0, |(token, _)| token + 1);
            self.heartbeat.sent = Some((token, now));
            self.heartbeat.next = now + limits::HEARTBEAT;
            self.control(Frame::Ping { token });
        }
        let unanswered = self.heartbeat.doubted.is_some_and(|since| now >= since + self.time_to_answer());
        match unanswered || now.saturating_duration_since(self.heartbeat.heard) >= self.patience() {
            true => Err(Silent),
            false => Ok(()),
        }
    }

    fn send_stream(
        &mut self,
        id: FlowId,
        turn: usize,
        out: &mut BytesMut,
        size: usize,
        now: Instant,
        source: &mut impl Source,
    ) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let room = turn.min(flow.credit()).min(size - out.len() - PAYLOAD_HEADER).min(LONGEST_PAYLOAD);
        if room == 0 {
            // Out of credit: CREDIT makes the flow ready again.
            return flow.turn.emptied();
        }
        let head = out.len();
        out.put_bytes(0, PAYLOAD_HEADER);
        let pull = source.pull(id, room, out);
        let length = out.len() - head - PAYLOAD_HEADER;
        debug_assert!(length <= room);
        if length == 0 {
            out.truncate(head);
        } else {
            let mut field = &mut out[head..head + PAYLOAD_HEADER];
            field.put_u8(kind::DATA);
            field.put_u32(id.0);
            field.put_u16(length as u16);
            flow.sent += length as u64;
            flow.turn.sent(length, now);
        }
        match pull {
            Pull::More => self.schedule.again(id, &mut flow.turn),
            Pull::Empty => flow.turn.emptied(),
            Pull::End => {
                Frame::Fin { flow: id }.encode(out);
                flow.finished_sending = true;
                if flow.finished_receiving {
                    self.forget(id);
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame, now: Instant, events: &mut Vec<Event>) -> Result<(), WireError> {
        match frame {
            Frame::Open { flow, kind, target } => {
                let by_peer = (flow.0 % 2 == 1) == (self.side == Side::Server);
                if !by_peer || self.flows.contains_key(&flow) {
                    return Err(WireError::BadFlow(flow.0));
                }
                if self.flows.len() >= limits::FLOWS {
                    self.control(Frame::OpenErr { flow, reason: Reason::Limit });
                    return Ok(());
                }
                self.flows.insert(flow, MuxFlow::new());
                events.push(Event::Opened { flow, kind, target });
            }
            Frame::OpenOk { flow, round_trip_us } if self.flows.contains_key(&flow) => {
                events.push(Event::Accepted { flow, round_trip_us });
            }
            Frame::OpenErr { flow, reason } if self.forget(flow) => events.push(Event::Rejected { flow, reason }),
            Frame::Rst { flow, reason } if self.forget(flow) => events.push(Event::Reset { flow, reason }),
            Frame::Data { flow, bytes } => {
                if let Some(state) = self.flows.get_mut(&flow) {
                    state.received(flow, bytes.len() as u64)?;
                    events.push(Event::Data { flow, bytes });
                }
            }
            Frame::Fin { flow } => {
                let Some(state) = self.flows.get_mut(&flow) else { return Ok(()) };
                if std::mem::replace(&mut state.finished_receiving, true) {
                    return Err(WireError::AfterEnd(flow.0));
                }
                events.push(Event::Finished { flow });
                if state.finished_sending {
                    self.forget(flow);
                }
            }
            Frame::Credit { flow, limit, .. } => {
                if let Some(state) = self.flows.get_mut(&flow) {
                    state.send_limit = state.send_limit.max(limit);
                    self.ready(flow);
                }
            }
            Frame::Datagram { flow, bytes } if self.flows.contains_key(&flow) => {
                events.push(Event::Datagram { flow, bytes });
            }
            Frame::Ping { token } => self.control(Frame::Pong { token }),
            Frame::Pong { token } => {
                if let Some((sent, at)) = self.heartbeat.sent
                    && sent == token
                {
                    self.heartbeat.round_trip = Some(now.saturating_duration_since(at));
                }
            }
            Frame::GoAway => events.push(Event::GoingAway),
            Frame::Query { id, message } => events.push(Event::Query { id, message }),
            Frame::Answer { id, message } => events.push(Event::Answer { id, message }),
            // The rest of a flow that this side has ended already.
            Frame::OpenOk { .. } | Frame::OpenErr { .. } | Frame::Rst { .. } | Frame::Datagram { .. } => {}
        }
        Ok(())
    }

    /// The manager waits longer: the laptop is the one that dials again.
    fn patience(&self) -> Duration {
        if self.side == Side::Client { limits::SILENCE } else { limits::SILENCE * 3 }
    }

    /// On a slow link a probe takes its time.
    fn time_to_answer(&self) -> Duration {
        limits::PROBE.max(4 * self.heartbeat.round_trip.unwrap_or_default())
    }

    fn forget(&mut self, flow: FlowId) -> bool {
        let Some(state) = self.flows.remove(&flow) else { return false };
        self.credit_grown -= state.grown();
        true
    }

    fn control(&mut self, frame: Frame) {
        frame.encode(&mut self.control);
    }
}

#[cfg(test)]
mod tests;
