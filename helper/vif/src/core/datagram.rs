//! UDP and echo: a flow for each 5-tuple, forgotten when it is idle.

use std::time::Instant;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};

use super::links::Place;
use super::table::{FlowKey, FlowKind};
use super::{Asker, Core, Event, LOCAL_PORT};
use crate::compose::Unreachable;
use crate::limits::{DATAGRAM_FLOWS, DATAGRAM_IDLE, SWEEP};
use crate::mapping;
use crate::packet::{Protocol, Tuple};
use crate::stack::PacketSink;

impl Core {
    /// `None` if the datagram was dropped.
    pub(super) fn datagram(
        &mut self,
        tuple: Tuple,
        payload: &[u8],
        now: Instant,
        sink: &mut impl PacketSink,
    ) -> Option<()> {
        if self.is_local(tuple.destination) {
            return self.local_datagram(tuple, payload, sink);
        }
        let key = match self.flows.find(&tuple) {
            Some(key) => key,
            None => self.open_datagram(tuple, now, sink)?,
        };
        let flow = self.flows.get_mut(key)?;
        flow.active = now;
        flow.sent_bytes += payload.len() as u64;
        self.totals.sent_bytes += payload.len() as u64;
        let place = flow.place?;
        self.links.get_mut(place.link)?.datagram(place.flow, Bytes::copy_from_slice(payload));
        Some(())
    }

    /// A datagram from the far side.
    pub(super) fn far_datagram(&mut self, key: FlowKey, bytes: &[u8], now: Instant, sink: &mut impl PacketSink) {
        let Some(flow) = self.flows.get_mut(key) else { return };
        flow.active = now;
        flow.received_bytes += bytes.len() as u64;
        self.totals.received_bytes += bytes.len() as u64;
        if let FlowKind::Datagram(answered) = &mut flow.kind {
            *answered = true;
        }
        let tuple = flow.tuple;
        match tuple.protocol {
            Protocol::Udp => self.composer.udp(&tuple, bytes, sink),
            Protocol::Echo if bytes.len() >= 2 => self.composer.echo_reply(&tuple, bytes, sink),
            Protocol::Echo | Protocol::Tcp => {}
        }
    }

    /// True if there are datagram flows left that will expire.
    pub(super) fn expire_datagrams(&mut self, now: Instant) -> bool {
        let expired: Vec<FlowKey> = self
            .flows
            .iter()
            .filter(|(_, flow)| matches!(flow.kind, FlowKind::Datagram(_)))
            .filter(|(_, flow)| now.saturating_duration_since(flow.active) >= DATAGRAM_IDLE)
            .map(|(key, _)| key)
            .collect();
        for key in expired {
            self.end(key, Reason::TimedOut, "idle");
        }
        self.flows.datagram_flows() > 0
    }

    fn local_datagram(&mut self, tuple: Tuple, payload: &[u8], sink: &mut impl PacketSink) -> Option<()> {
        if tuple.protocol == Protocol::Echo {
            // The address is this process: it answers for itself.
            self.composer.echo_reply(&tuple, payload, sink);
            return Some(());
        }
        if tuple.destination.port() != LOCAL_PORT {
            let quote = self.composer.quote(&tuple);
            self.composer.unreachable(&quote, Unreachable::Port, sink);
            return Some(());
        }
        let asker = Asker::Udp { source: tuple.source, local: tuple.destination };
        self.events.push_back(Event::Message { asker, message: Bytes::copy_from_slice(payload) });
        Some(())
    }

    fn open_datagram(&mut self, tuple: Tuple, now: Instant, sink: &mut impl PacketSink) -> Option<FlowKey> {
        if self.flows.datagram_flows() >= DATAGRAM_FLOWS {
            return None;
        }
        let Some((link, mux)) = self.links.preferred() else {
            let quote = self.composer.quote(&tuple);
            self.composer.unreachable(&quote, Unreachable::Host, sink);
            return None;
        };
        let kind = if tuple.protocol == Protocol::Udp { Kind::Udp } else { Kind::Echo };
        let place = Place { link, flow: mux.open(kind, mapping::to_cluster(tuple.destination))? };
        let key = self.flows.insert(tuple, Some(place), FlowKind::Datagram(false), now);
        self.by_place.insert(place, key);
        self.next_sweep.get_or_insert(now + SWEEP);
        Some(key)
    }
}
