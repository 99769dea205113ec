//! What the manager says about flows.

use std::time::Instant;

use bytes::Bytes;
use hawser_tunnel::frame::Reason;
use hawser_tunnel::mux;

use super::links::{LinkId, Place};
use super::table::FlowKey;
use super::{Core, Event};
use crate::stack::PacketSink;

impl Core {
    pub(super) fn far_event(&mut self, link: LinkId, event: mux::Event, now: Instant, sink: &mut impl PacketSink) {
        let place = |flow| Place { link, flow };
        match event {
            mux::Event::Accepted { flow, round_trip_us } => {
                if let Some(key) = self.key(place(flow)) {
                    self.accepted(key, round_trip_us, now, sink);
                }
            }
            mux::Event::Rejected { flow, reason } => {
                if let Some(key) = self.key(place(flow)) {
                    self.far_reset(key, reason, reason.as_str(), now, sink);
                }
            }
            mux::Event::Reset { flow, reason } => {
                if let Some(key) = self.key(place(flow)) {
                    let why = if reason == Reason::Reset { "reset by the far side" } else { reason.as_str() };
                    self.far_reset(key, reason, why, now, sink);
                }
            }
            mux::Event::Data { flow, bytes } => self.far_data(place(flow), bytes, now),
            mux::Event::Finished { flow } => {
                if let Some(key) = self.key(place(flow)) {
                    self.flows.get_mut(key).and_then(|flow| flow.tcp()).into_iter().for_each(|tcp| tcp.finish());
                    self.mark_dirty(key);
                }
            }
            mux::Event::Datagram { flow, bytes } => {
                if let Some(key) = self.key(place(flow)) {
                    self.far_datagram(key, &bytes, now, sink);
                }
            }
            mux::Event::Answer { id, message } => self.events.push_back(Event::Answer { id, message }),
            mux::Event::GoingAway => self.events.push_back(Event::GoingAway { link }),
            // The helper serves no flows and resolves nothing for the manager.
            mux::Event::Opened { flow, .. } => {
                if let Some(mux) = self.links.get_mut(link) {
                    mux.reject(flow, Reason::Forbidden);
                }
            }
            mux::Event::Query { id, .. } => {
                if let Some(mux) = self.links.get_mut(link) {
                    mux.answer(id, Bytes::new());
                }
            }
        }
    }

    fn far_data(&mut self, place: Place, bytes: Bytes, now: Instant) {
        let Some(key) = self.key(place) else { return };
        let Some(flow) = self.flows.get_mut(key) else { return };
        flow.active = now;
        flow.received_bytes += bytes.len() as u64;
        self.totals.received_bytes += bytes.len() as u64;
        let Some(tcp) = flow.tcp() else { return };
        let moved = tcp.deliver(bytes);
        if moved > 0
            && let Some(mux) = self.links.get_mut(place.link)
        {
            mux.consumed(place.flow, moved, now);
        }
        self.mark_dirty(key);
    }

    fn key(&self, place: Place) -> Option<FlowKey> {
        self.by_place.get(&place).copied()
    }
}
