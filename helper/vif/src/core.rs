//! The sans-IO core: packets of the laptop's kernel on one side, a multiplexer on the other, one flow for each 5-tuple between.

mod datagram;
mod far;
mod links;
mod table;
mod tcp;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hawser_tunnel::frame::{FlowId, Kind, Reason, WireError};
use hawser_tunnel::mux::{self, Pull, Silent, Source};
use smoltcp::time::Instant as StackTime;
use smoltcp::wire::IpProtocol;

use crate::compose::{Composer, transport_checksum};
use crate::mapping;
use crate::packet::{Packet, Protocol, Segment, parse_echo, parse_udp};
use crate::platform::Memory;
use crate::reassembly::Reassembly;
use crate::record::{Closed, FlowRecord};
use crate::stack::{PacketSink, Stack};
use links::{Links, Place};
use table::{FlowKey, FlowKind, Table};

pub use links::LinkId;

/// How a core is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The virtual addresses on which the core itself takes messages on [`LOCAL_PORT`], over UDP and TCP.
    pub local: Vec<IpAddr>,
    /// TCP checksums are left to the device, in both directions.
    pub checksum_offload: bool,
    /// Seed of initial sequence numbers.
    pub seed: u64,
}

/// The port of the messages on the virtual addresses: DNS.
pub const LOCAL_PORT: u16 = 53;

/// Who sent a message to a virtual address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Over UDP, to this virtual address.
    #[allow(missing_docs)]
    Udp { source: SocketAddr, local: SocketAddr },
    /// Over a TCP flow.
    Tcp(LocalFlow),
}

/// A TCP flow to a virtual address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalFlow {
    key: FlowKey,
    number: u64,
}

/// What the core leaves to its owner.
#[derive(Debug)]
pub enum Event {
    /// A message to a virtual address: answer by [`Core::reply`].
    #[allow(missing_docs)]
    Message { asker: Asker, message: Bytes },
    /// The manager's answer to a query of [`Core::query`]; empty if there is none.
    #[allow(missing_docs)]
    Answer { id: u32, message: Bytes },
    /// The manager behind this link is about to stop.
    #[allow(missing_docs)]
    GoingAway { link: LinkId },
}

/// The data plane of one connection. See the module's description.
pub struct Core {
    config: Config,
    begun: Instant,
    /// While there is none, new flows are refused.
    links: Links,
    mux_events: Vec<mux::Event>,
    events: VecDeque<Event>,
    flows: Table,
    by_place: HashMap<Place, FlowKey, ahash::RandomState>,
    dirty: Vec<FlowKey>,
    stack: Stack,
    memory: Memory,
    composer: Composer,
    reassembly: Reassembly,
    closed: Closed,
    next_sweep: Option<Instant>,
    totals: Totals,
}

/// Payload that went through since the core was made, and what was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// From the laptop.
    pub sent_bytes: u64,
    /// To the laptop.
    pub received_bytes: u64,
    /// Packets that were dropped at a bound or because they were malformed.
    pub dropped_packets: u64,
}

impl Core {
    /// A core without a link.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            stack: Stack::new(config.checksum_offload, config.seed),
            config,
            begun: now,
            links: Links::default(),
            mux_events: Vec::new(),
            events: VecDeque::new(),
            flows: Table::default(),
            by_place: HashMap::default(),
            dirty: Vec::new(),
            memory: Memory::default(),
            composer: Composer::default(),
            reassembly: Reassembly::default(),
            closed: Closed::default(),
            next_sweep: None,
            totals: Totals::default(),
        }
    }

    /// A fresh link is there: new flows go over it.
    pub fn link_up(&mut self, now: Instant) -> LinkId {
        self.links.add(now)
    }

    /// New flows go over this link from now on; others end where they began.
    pub fn prefer(&mut self, link: LinkId) {
        self.links.prefer(link);
    }

    /// A link is gone: its streams are reset. What has no stream yet, or never will, goes on over another link if there is one,
    /// and so do new flows.
    pub fn link_down(&mut self, link: LinkId, now: Instant, sink: &mut impl PacketSink) {
        self.links.remove(link);
        for key in self.flows.keys() {
            let was_there = self.flows.get(key).is_some_and(|flow| flow.place.is_some_and(|place| place.link == link));
            if was_there && !self.move_over(key) {
                self.far_reset(key, Reason::Unreachable, "link lost", now, sink);
            }
        }
        self.flush(now, sink);
    }

    /// A packet from the laptop's kernel. `trusted`: its checksums need no look.
    pub fn handle_packet(&mut self, bytes: &[u8], trusted: bool, now: Instant, sink: &mut impl PacketSink) {
        if self.packet(bytes, trusted, now, sink).is_none() {
            self.totals.dropped_packets += 1;
        }
    }

    /// Bytes from a link.
    ///
    /// # Errors
    /// The peer's violation of the protocol; the link is to be ended then.
    pub fn handle_frames(
        &mut self,
        link: LinkId,
        bytes: Bytes,
        now: Instant,
        sink: &mut impl PacketSink,
    ) -> Result<(), WireError> {
        let Some(mux) = self.links.get_mut(link) else { return Ok(()) };
        let mut events = std::mem::take(&mut self.mux_events);
        let result = mux.receive(bytes, now, &mut events);
        for event in events.drain(..) {
            self.far_event(link, event, now, sink);
        }
        self.mux_events = events;
        result
    }

    /// Fills `out` up to about `size` bytes with frames for a link.
    pub fn poll_frames(&mut self, link: LinkId, out: &mut BytesMut, size: usize, now: Instant) {
        let Some(mut mux) = self.links.take(link) else { return };
        mux.transmit(out, size, now, &mut Flows { core: self, link });
        self.links.put_back(link, mux);
    }

    /// Sends what flows have to send to the laptop: to be called after each batch of the other calls.
    pub fn flush(&mut self, now: Instant, sink: &mut impl PacketSink) {
        while let Some(key) = self.dirty.pop() {
            self.flush_flow(key, now, sink);
        }
    }

    /// The next thing that the owner has to see to.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether [`Core::poll_frames`] might have something for this link.
    pub fn has_frames(&self, link: LinkId) -> bool {
        self.links.get(link).is_some_and(|mux| mux.has_output())
    }

    /// When [`Core::handle_timeout`] wants to be called.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        [self.links.next_deadline(), self.flows.next_timer(), self.next_sweep].into_iter().flatten().min()
    }

    /// Asks each link at once whether it lives.
    pub fn probe(&mut self, now: Instant) {
        self.links.iter_mut().for_each(|(_, mux)| mux.probe(now));
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The first link that is dead.
    pub fn handle_timeout(&mut self, now: Instant, sink: &mut impl PacketSink) -> Result<(), LinkId> {
        while let Some(key) = self.flows.expired_timer(now) {
            self.mark_dirty(key);
        }
        if self.next_sweep.is_some_and(|at| at <= now) {
            self.sweep(now);
        }
        self.flush(now, sink);
        for (link, mux) in self.links.iter_mut() {
            mux.tick(now).map_err(|Silent| link)?;
        }
        Ok(())
    }

    /// Asks the manager's resolver. False if there is no link.
    pub fn query(&mut self, id: u32, message: Bytes) -> bool {
        self.links.preferred().map(|(_, mux)| mux.query(id, message)).is_some()
    }

    /// Answers a message that came to a virtual address.
    pub fn reply(&mut self, asker: Asker, message: &[u8], now: Instant, sink: &mut impl PacketSink) {
        match asker {
            Asker::Udp { source, local } => self.composer.udp(&table::udp_tuple(source, local), message, sink),
            Asker::Tcp(flow) => self.reply_tcp(flow, message, now),
        }
    }

    /// Where a message came from and which virtual address it went to; none once its TCP flow has ended.
    pub fn ends(&self, asker: Asker) -> Option<(SocketAddr, SocketAddr)> {
        match asker {
            Asker::Udp { source, local } => Some((source, local)),
            Asker::Tcp(flow) => {
                let known = self.flows.get(flow.key).filter(|known| known.number == flow.number)?;
                Some((known.tuple.source, known.tuple.destination))
            }
        }
    }

    /// Says to the manager that this side goes away.
    pub fn go_away(&mut self) {
        self.links.iter_mut().for_each(|(_, mux)| mux.go_away());
    }

    /// The live flows, then the last closed ones.
    pub fn records(&self) -> Vec<FlowRecord> {
        self.flows.records().chain(self.closed.iter().cloned()).collect()
    }

    /// Number of live flows.
    pub fn flow_count(&self) -> usize {
        self.flows.len()
    }

    /// What went through.
    pub fn totals(&self) -> Totals {
        Totals { dropped_packets: self.totals.dropped_packets + self.links.dropped_datagrams(), ..self.totals }
    }

    /// Number of live flows on a link.
    pub fn flows_on(&self, link: LinkId) -> usize {
        self.by_place.keys().filter(|place| place.link == link).count()
    }

    /// Last round trip of the preferred link's heartbeat.
    pub fn round_trip(&self) -> Option<Duration> {
        self.links.round_trip()
    }

    /// `None` if the packet was dropped.
    fn packet(&mut self, bytes: &[u8], trusted: bool, now: Instant, sink: &mut impl PacketSink) -> Option<()> {
        let packet = Packet::parse(bytes)?;
        if is_for_many(packet.destination) || is_for_many(packet.source) {
            return None;
        }
        if packet.fragment.is_none() && packet.protocol == IpProtocol::Tcp {
            if !trusted && self.config.checksum_offload && !has_good_checksum(&packet) {
                return None;
            }
            let segment = Segment::parse(&packet)?;
            return self.segment(bytes, &segment, now, sink);
        }
        let whole;
        let payload = match packet.fragment {
            Some(_) => {
                let Some(payload) = self.reassembly.push(&packet, now) else { return Some(()) };
                whole = payload;
                &whole
            }
            None => packet.payload,
        };
        match packet.protocol {
            IpProtocol::Udp => {
                let (tuple, datagram) = parse_udp(packet.source, packet.destination, payload)?;
                self.datagram(tuple, datagram, now, sink)
            }
            IpProtocol::Icmp | IpProtocol::Icmpv6 => {
                let (tuple, data) = parse_echo(packet.source, packet.destination, payload)?;
                self.datagram(tuple, data, now, sink)
            }
            _ => None,
        }
    }

    /// Opens a flow anew over the preferred link. False if it can't be done.
    fn move_over(&mut self, key: FlowKey) -> bool {
        let (Some(flow), Some((link, mux))) = (self.flows.get_mut(key), self.links.preferred()) else { return false };
        let kind = match (&flow.kind, flow.tuple.protocol) {
            (FlowKind::Parked(_), Protocol::Tcp) => Kind::Tcp,
            (FlowKind::Datagram(_), Protocol::Udp) => Kind::Udp,
            (FlowKind::Datagram(_), Protocol::Echo) => Kind::Echo,
            _ => return false,
        };
        let Some(id) = mux.open(kind, mapping::to_cluster(flow.tuple.destination)) else { return false };
        let place = Place { link, flow: id };
        if let Some(former) = flow.place.replace(place) {
            self.by_place.remove(&former);
        }
        self.by_place.insert(place, key);
        true
    }

    fn is_local(&self, address: SocketAddr) -> bool {
        self.config.local.contains(&address.ip())
    }

    fn stack_time(&self, now: Instant) -> StackTime {
        let elapsed = now.saturating_duration_since(self.begun);
        StackTime::from_micros(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The flows of one link, for its multiplexer to pull from.
struct Flows<'a> {
    core: &'a mut Core,
    link: LinkId,
}

impl Source for Flows<'_> {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        self.core.pull_flow(Place { link: self.link, flow }, room, out)
    }
}

fn is_for_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast() || address.is_unspecified(),
        IpAddr::V6(address) => address.is_multicast() || address.is_unspecified() || address.is_unicast_link_local(),
    }
}

fn has_good_checksum(packet: &Packet<'_>) -> bool {
    transport_checksum(packet.source, packet.destination, packet.protocol, packet.payload) == 0
}
