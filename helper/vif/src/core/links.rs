//! The links of a core: a flow stays on the link that was preferred when it began.

use std::time::{Duration, Instant};

use hawser_tunnel::frame::FlowId;
use hawser_tunnel::mux::{Mux, Side};

/// One of the links of a core. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(u32);

/// Where a flow is known by which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub link: LinkId,
    pub flow: FlowId,
}

/// A few links, in the order in which they were made; the multiplexer is in a box, because it is taken out while it pulls.
#[derive(Default)]
pub(super) struct Links {
    present: Vec<(LinkId, Option<Box<Mux>>)>,
    preferred: Option<LinkId>,
    made: u32,
    /// Datagrams that links which are gone have dropped.
    dropped_datagrams: u64,
}

impl Links {
    /// Adds one, which new flows go over from now on.
    pub fn add(&mut self, now: Instant) -> LinkId {
        self.made += 1;
        let link = LinkId(self.made);
        self.present.push((link, Some(Box::new(Mux::new(Side::Client, now)))));
        self.preferred = Some(link);
        link
    }

    /// Forgets one. If it was the preferred one, the newest that is left takes its place.
    pub fn remove(&mut self, link: LinkId) {
        self.dropped_datagrams += self.get(link).map_or(0, Mux::dropped_datagrams);
        self.present.retain(|(present, _)| *present != link);
        if self.preferred == Some(link) {
            self.preferred = self.present.last().map(|(link, _)| *link);
        }
    }

    /// New flows go over this one from now on, if it is there.
    pub fn prefer(&mut self, link: LinkId) {
        if self.get(link).is_some() {
            self.preferred = Some(link);
        }
    }

    pub fn get(&self, link: LinkId) -> Option<&Mux> {
        self.present.iter().find(|(present, _)| *present == link).and_then(|(_, mux)| mux.as_deref())
    }

    pub fn get_mut(&mut self, link: LinkId) -> Option<&mut Mux> {
        self.present.iter_mut().find(|(present, _)| *present == link).and_then(|(_, mux)| mux.as_deref_mut())
    }

    /// The one that new flows go over.
    pub fn preferred(&mut self) -> Option<(LinkId, &mut Mux)> {
        let link = self.preferred?;
        self.get_mut(link).map(|mux| (link, mux))
    }

    pub fn take(&mut self, link: LinkId) -> Option<Box<Mux>> {
        self.present.iter_mut().find(|(present, _)| *present == link).and_then(|(_, mux)| mux.take())
    }

    pub fn put_back(&mut self, link: LinkId, mux: Box<Mux>) {
        if let Some((_, place)) = self.present.iter_mut().find(|(present, _)| *present == link) {
            *place = Some(mux);
        }
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (LinkId, &mut Mux)> {
        self.present.iter_mut().filter_map(|(link, mux)| Some((*link, mux.as_deref_mut()?)))
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.present.iter().filter_map(|(_, mux)| mux.as_deref()).map(Mux::next_deadline).min()
    }

    pub fn dropped_datagrams(&self) -> u64 {
        let present = self.present.iter().filter_map(|(_, mux)| mux.as_deref());
        self.dropped_datagrams + present.map(Mux::dropped_datagrams).sum::<u64>()
    }

    /// Last round trip of the preferred link's heartbeat.
    pub fn round_trip(&self) -> Option<Duration> {
        self.get(self.preferred?)?.round_trip()
    }
}
