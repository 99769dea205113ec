//! TCP on the laptop's side: SYNs are parked, segments go to their socket, sockets to their end.

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::mux::Pull;

use super::links::Place;
use super::table::{Flow, FlowKey, FlowKind};
use super::{Asker, Core, Event, LOCAL_PORT, LocalFlow};
use crate::compose::Unreachable;
use crate::limits::{LOCAL_MESSAGE, SWEEP, TCP_FLOWS};
use crate::mapping;
use crate::packet::Segment;
use crate::record::FlowState;
use crate::stack::PacketSink;
use crate::tcp::{Connected, Parked};

impl Core {
    /// `None` if the segment was dropped.
    pub(super) fn segment(
        &mut self,
        bytes: &[u8],
        segment: &Segment,
        now: Instant,
        sink: &mut impl PacketSink,
    ) -> Option<()> {
        let time = self.stack_time(now);
        let opens = segment.syn && !segment.ack && !segment.rst;
        let Some(key) = self.flows.find(&segment.tuple) else {
            match opens {
                true => self.open(bytes, segment, now, sink)?,
                false => self.composer.reset(segment, sink),
            }
            return Some(());
        };
        let flow = self.flows.get_mut(key)?;
        flow.active = now;
        match &mut flow.kind {
            // The kernel asks again after a second: the dial is under way.
            FlowKind::Parked(parked) if opens && parked.sequence == segment.sequence => Some(()),
            FlowKind::Parked(_) => {
                self.end(key, Reason::Reset, "given up by the laptop");
                if opens { self.open(bytes, segment, now, sink) } else { Some(()) }
            }
            FlowKind::Connected(tcp) | FlowKind::Local(tcp, _) => {
                tcp.ingress(bytes, segment.payload, &mut self.stack, time, sink);
                self.mark_dirty(key);
                Some(())
            }
            FlowKind::Datagram(_) => None,
        }
    }

    /// The manager has reached the target.
    pub(super) fn accepted(&mut self, key: FlowKey, round_trip_us: u32, now: Instant, sink: &mut impl PacketSink) {
        let Some(flow) = self.flows.get_mut(key) else { return };
        flow.round_trip_us = round_trip_us;
        match &mut flow.kind {
            FlowKind::Datagram(_) => {}
            FlowKind::Parked(_) => self.connect(key, now, sink),
            FlowKind::Connected(_) | FlowKind::Local(..) => {}
        }
    }

    pub(super) fn mark_dirty(&mut self, key: FlowKey) {
        if let Some(flow) = self.flows.get_mut(key)
            && !std::mem::replace(&mut flow.dirty, true)
        {
            self.dirty.push(key);
        }
    }

    /// All that a flow has to do after something happened to it.
    pub(super) fn flush_flow(&mut self, key: FlowKey, now: Instant, sink: &mut impl PacketSink) {
        let time = self.stack_time(now);
        let Some(flow) = self.flows.get_mut(key) else { return };
        flow.dirty = false;
        let (number, place) = (flow.number, flow.place);
        let Some(tcp) = flow.tcp() else { return };
        let moved = tcp.fill();
        let next = tcp.egress(&mut self.stack, time, sink);
        if let Some(Place { link, flow }) = place
            && let Some(mux) = self.links.get_mut(link)
        {
            if moved > 0 {
                mux.consumed(flow, moved, now);
            }
            if tcp.has_input() {
                mux.ready(flow);
            }
        }
        let (done, reset) = (tcp.is_done(), tcp.is_reset());
        if let Some(at) = next {
            let wait = at.total_micros().saturating_sub(time.total_micros());
            self.flows.set_timer(key, now + std::time::Duration::from_micros(wait.max(0).unsigned_abs()));
        }
        if !self.flows.get(key).is_some_and(|flow| flow.memory_kept) {
            self.keep_memory(key, now);
        }
        if done {
            self.finished(key);
        } else if reset {
            self.end(key, Reason::Reset, "reset by the laptop");
        } else if place.is_none() {
            self.read_messages(LocalFlow { key, number }, now, sink);
        }
    }

    pub(super) fn pull_flow(&mut self, place: Place, room: usize, out: &mut BytesMut) -> Pull {
        let Some(&key) = self.by_place.get(&place) else { return Pull::Empty };
        let Some(flow) = self.flows.get_mut(key) else { return Pull::Empty };
        let before = out.len();
        let Some(tcp) = flow.tcp() else { return Pull::Empty };
        let pull = tcp.pull(room, out);
        let taken = (out.len() - before) as u64;
        flow.sent_bytes += taken;
        self.totals.sent_bytes += taken;
        // The window may have opened, or the flow may be at its end.
        self.mark_dirty(key);
        pull
    }

    /// Resets the flow on both sides.
    pub(super) fn end(&mut self, key: FlowKey, reason: Reason, why: &'static str) {
        if let Some(place) = self.flows.get(key).and_then(|flow| flow.place)
            && let Some(mux) = self.links.get_mut(place.link)
        {
            mux.reset(place.flow, reason);
        }
        self.forget(key, why);
    }

    pub(super) fn forget(&mut self, key: FlowKey, why: &'static str) {
        let Some(flow) = self.flows.remove(key) else { return };
        if let Some(place) = flow.place {
            self.by_place.remove(&place);
            self.closed.push(flow.record(FlowState::Closed(why)));
        }
    }

    /// Refuses, or cuts off, a flow in the way that the far side had it.
    pub(super) fn far_reset(
        &mut self,
        key: FlowKey,
        reason: Reason,
        why: &'static str,
        now: Instant,
        sink: &mut impl PacketSink,
    ) {
        let time = self.stack_time(now);
        let Some(flow) = self.flows.get_mut(key) else { return };
        match &mut flow.kind {
            FlowKind::Parked(parked) => {
                let syn = std::mem::take(&mut parked.syn);
                self.refuse(&syn, reason, sink);
            }
            FlowKind::Connected(tcp) => {
                tcp.abort();
                tcp.egress(&mut self.stack, time, sink);
            }
            // DNS over TCP outlives a link.
            FlowKind::Local(..) => return,
            FlowKind::Datagram(_) => {
                let what = match reason {
                    Reason::Refused => Some(Unreachable::Port),
                    Reason::Unreachable => Some(Unreachable::Host),
                    Reason::Forbidden => Some(Unreachable::Prohibited),
                    Reason::TimedOut | Reason::Limit | Reason::Reset => None,
                };
                let quote = self.composer.quote(&flow.tuple);
                if let Some(what) = what {
                    self.composer.unreachable(&quote, what, sink);
                }
            }
        }
        self.forget(key, why);
    }

    fn open(&mut self, bytes: &[u8], segment: &Segment, now: Instant, sink: &mut impl PacketSink) -> Option<()> {
        let tuple = segment.tuple;
        let parked = Parked { syn: bytes.to_vec(), sequence: segment.sequence };
        if tuple.source.port() == 0 || tuple.destination.port() == 0 || self.flows.tcp_flows() >= TCP_FLOWS {
            return None;
        }
        if self.is_local(tuple.destination) {
            if tuple.destination.port() != LOCAL_PORT {
                self.composer.reset(segment, sink);
                return Some(());
            }
            let key = self.flows.insert(tuple, None, FlowKind::Parked(parked), now);
            self.connect(key, now, sink);
            return Some(());
        }
        let Some((link, mux)) = self.links.preferred() else {
            self.composer.unreachable(bytes, Unreachable::Host, sink);
            return Some(());
        };
        let place = Place { link, flow: mux.open(Kind::Tcp, mapping::to_cluster(tuple.destination))? };
        let key = self.flows.insert(tuple, Some(place), FlowKind::Parked(parked), now);
        self.by_place.insert(place, key);
        Some(())
    }

    fn connect(&mut self, key: FlowKey, now: Instant, sink: &mut impl PacketSink) {
        let time = self.stack_time(now);
        let Some(Flow { tuple, place, kind, .. }) = self.flows.get_mut(key) else { return };
        let FlowKind::Parked(parked) = kind else { return };
        match Connected::accept(parked, tuple.destination, &self.memory, &mut self.stack, time, sink) {
            Ok(tcp) => {
                let tcp = Box::new(tcp);
                *kind = if place.is_some() { FlowKind::Connected(tcp) } else { FlowKind::Local(tcp, BytesMut::new()) };
                self.mark_dirty(key);
            }
            Err(error) => {
                tracing::warn!(%error, "no memory for a flow");
                self.end(key, Reason::Limit, "no memory");
            }
        }
    }

    fn refuse(&mut self, syn: &[u8], reason: Reason, sink: &mut impl PacketSink) {
        match reason {
            Reason::Refused | Reason::Reset => {
                if let Some(segment) = crate::packet::Packet::parse(syn).and_then(|packet| Segment::parse(&packet)) {
                    self.composer.reset(&segment, sink);
                }
            }
            Reason::Unreachable => self.composer.unreachable(syn, Unreachable::Host, sink),
            Reason::Forbidden => self.composer.unreachable(syn, Unreachable::Prohibited, sink),
            // Silence, as the far side had it, or as a full backlog has it: the kernel asks again.
            Reason::TimedOut | Reason::Limit => {}
        }
    }

    fn finished(&mut self, key: FlowKey) {
        let place = self.flows.get(key).and_then(|flow| flow.place);
        let unsent_end = place.is_some_and(|place| {
            // The end towards the far side may still wait for its turn on the link.
            self.links.get(place.link).is_some_and(|mux| mux.owes_end(place.flow))
        });
        if !unsent_end {
            self.forget(key, "closed");
        }
    }

    fn reply_queue(tcp: &mut Connected, message: &[u8]) {
        let mut framed = BytesMut::with_capacity(2 + message.len());
        framed.extend_from_slice(&(message.len().min(LOCAL_MESSAGE) as u16).to_be_bytes());
        framed.extend_from_slice(&message[..message.len().min(LOCAL_MESSAGE)]);
        tcp.deliver(framed.freeze());
    }

    pub(super) fn reply_tcp(&mut self, asker: LocalFlow, message: &[u8], now: Instant) {
        let Some(flow) = self.flows.get_mut(asker.key) else { return };
        if flow.number == asker.number
            && let FlowKind::Local(tcp, _) = &mut flow.kind
        {
            Self::reply_queue(tcp, message);
            flow.active = now;
            self.mark_dirty(asker.key);
        }
    }

    /// DNS over TCP: each message after its length (RFC 1035, section 4.2.2).
    fn read_messages(&mut self, asker: LocalFlow, now: Instant, sink: &mut impl PacketSink) {
        let time = self.stack_time(now);
        let Some(flow) = self.flows.get_mut(asker.key) else { return };
        let FlowKind::Local(tcp, buffer) = &mut flow.kind else { return };
        let pull = tcp.pull(LOCAL_MESSAGE + 2 - buffer.len().min(LOCAL_MESSAGE + 2), buffer);
        while let Some(length) = buffer.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)))
            && buffer.len() >= 2 + length
        {
            buffer.advance(2);
            let message = Bytes::copy_from_slice(&buffer.split_to(length));
            self.events.push_back(Event::Message { asker: Asker::Tcp(asker), message });
        }
        if pull == Pull::End {
            tcp.finish();
        }
        tcp.egress(&mut self.stack, time, sink);
        if tcp.is_done() {
            self.forget(asker.key, "closed");
        }
    }

    /// Looks at the flow again later, to hand back its memory if it is idle by then.
    fn keep_memory(&mut self, key: FlowKey, now: Instant) {
        if let Some(flow) = self.flows.get_mut(key) {
            flow.memory_kept = true;
            self.next_sweep.get_or_insert(now + SWEEP);
        }
    }

    pub(super) fn sweep(&mut self, now: Instant) {
        self.next_sweep = None;
        let mut again = self.expire_datagrams(now);
        for flow in self.flows.iter_mut().filter(|flow| flow.memory_kept) {
            let idle = now.saturating_duration_since(flow.active) >= SWEEP;
            if idle && flow.tcp().is_none_or(Connected::hand_back_memory) {
                flow.memory_kept = false;
            }
            again |= flow.memory_kept;
        }
        if again {
            self.next_sweep = Some(now + SWEEP);
        }
    }
}
