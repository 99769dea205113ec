//! The flows of a core: found by 5-tuple, with their timers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;
use slab::Slab;

use super::links::Place;
use crate::packet::{Protocol, Tuple};
use crate::record::{FlowRecord, FlowState};
use crate::tcp::{Connected, Parked};

/// Place of a flow in the table; reused after its end.
pub(crate) type FlowKey = usize;

pub(super) struct Flow {
    pub tuple: Tuple,
    /// On which link, as which flow; `None` for a flow to a virtual address.
    pub place: Option<Place>,
    pub number: u64,
    pub opened: Instant,
    pub active: Instant,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub round_trip_us: u32,
    pub kind: FlowKind,
    pub dirty: bool,
    pub memory_kept: bool,
    timer: Option<Instant>,
}

pub(super) enum FlowKind {
    Parked(Parked),
    Connected(Box<Connected>),
    /// To a virtual address, with the beginning of the next message.
    Local(Box<Connected>, BytesMut),
    /// UDP or echo; true once something came back.
    Datagram(bool),
}

#[derive(Default)]
pub(super) struct Table {
    flows: Slab<Flow>,
    by_tuple: HashMap<Tuple, FlowKey, ahash::RandomState>,
    timers: BinaryHeap<Reverse<(Instant, FlowKey)>>,
    opened: u64,
    datagram_flows: usize,
}

impl Table {
    pub fn insert(&mut self, tuple: Tuple, place: Option<Place>, kind: FlowKind, now: Instant) -> FlowKey {
        self.opened += 1;
        self.datagram_flows += usize::from(tuple.protocol != Protocol::Tcp);
        let key = self.flows.insert(Flow {
            tuple,
            place,
            number: self.opened,
            opened: now,
            active: now,
            sent_bytes: 0,
            received_bytes: 0,
            round_trip_us: 0,
            kind,
            dirty: false,
            memory_kept: false,
            timer: None,
        });
        self.by_tuple.insert(tuple, key);
        key
    }

    pub fn remove(&mut self, key: FlowKey) -> Option<Flow> {
        let flow = self.flows.try_remove(key)?;
        self.datagram_flows -= usize::from(flow.tuple.protocol != Protocol::Tcp);
        self.by_tuple.remove(&flow.tuple);
        Some(flow)
    }

    pub fn find(&self, tuple: &Tuple) -> Option<FlowKey> {
        self.by_tuple.get(tuple).copied()
    }

    pub fn get(&self, key: FlowKey) -> Option<&Flow> {
        self.flows.get(key)
    }

    pub fn get_mut(&mut self, key: FlowKey) -> Option<&mut Flow> {
        self.flows.get_mut(key)
    }

    pub fn keys(&self) -> Vec<FlowKey> {
        self.flows.iter().map(|(key, _)| key).collect()
    }

    pub fn len(&self) -> usize {
        self.flows.len()
    }

    pub fn datagram_flows(&self) -> usize {
        self.datagram_flows
    }

    pub fn tcp_flows(&self) -> usize {
        self.flows.len() - self.datagram_flows
    }

    pub fn iter(&self) -> impl Iterator<Item = (FlowKey, &Flow)> {
        self.flows.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Flow> {
        self.flows.iter_mut().map(|(_, flow)| flow)
    }

    pub fn records(&self) -> impl Iterator<Item = FlowRecord> {
        self.flows.iter().filter(|(_, flow)| flow.place.is_some()).map(|(_, flow)| flow.record(flow.state()))
    }

    /// Wakes the flow at that time. A later wish does not undo an earlier one: waking too early is harmless.
    pub fn set_timer(&mut self, key: FlowKey, at: Instant) {
        let Some(flow) = self.flows.get_mut(key) else { return };
        if flow.timer.is_none_or(|armed| at < armed) {
            flow.timer = Some(at);
            self.timers.push(Reverse((at, key)));
        }
    }

    pub fn next_timer(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, key))) = self.timers.peek() {
            if self.flows.get(*key).is_some_and(|flow| flow.timer == Some(*at)) {
                return Some(*at);
            }
            self.timers.pop();
        }
        None
    }

    pub fn expired_timer(&mut self, now: Instant) -> Option<FlowKey> {
        if self.next_timer()? > now {
            return None;
        }
        let Reverse((_, key)) = self.timers.pop()?;
        self.flows.get_mut(key)?.timer = None;
        Some(key)
    }
}

impl Flow {
    pub fn state(&self) -> FlowState {
        match &self.kind {
            FlowKind::Parked(_) | FlowKind::Datagram(false) => FlowState::Dialling,
            FlowKind::Connected(tcp) | FlowKind::Local(tcp, _) if tcp.is_half_closed() => FlowState::HalfClosed,
            FlowKind::Connected(_) | FlowKind::Local(..) | FlowKind::Datagram(true) => FlowState::Open,
        }
    }

    pub fn record(&self, state: FlowState) -> FlowRecord {
        FlowRecord {
            number: self.number,
            protocol: self.tuple.protocol,
            source: self.tuple.source,
            destination: self.tuple.destination,
            sent_bytes: self.sent_bytes,
            received_bytes: self.received_bytes,
            opened: self.opened,
            round_trip_us: self.round_trip_us,
            state,
        }
    }

    pub fn tcp(&mut self) -> Option<&mut Connected> {
        match &mut self.kind {
            FlowKind::Connected(tcp) | FlowKind::Local(tcp, _) => Some(tcp),
            FlowKind::Parked(_) | FlowKind::Datagram(_) => None,
        }
    }
}

pub(super) fn udp_tuple(source: SocketAddr, destination: SocketAddr) -> Tuple {
    Tuple { protocol: Protocol::Udp, source, destination }
}
