//! The laptops' links of deliveries.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::sockets::{Answer, Gate, Lead, Near, Opener, pipe};
use hawser_tunnel::target;

use super::Exchange;

/// What a laptop may ask for on its link of deliveries: files of the containers that it intercepts.
pub struct Deliveries {
    exchange: Arc<Exchange>,
    laptop: Pin,
}

/// A laptop's link of deliveries, for as long as it is there.
pub struct Linked {
    exchange: Arc<Exchange>,
    laptop: Pin,
    link: u64,
}

impl Exchange {
    /// A laptop has made a link of deliveries; `opener` asks for flows on it.
    pub fn link_laptop(self: &Arc<Self>, laptop: Pin, opener: Opener) -> Linked {
        let link = {
            let mut state = self.state.lock();
            let link = state.link();
            state.laptops.entry(laptop).or_default().push((link, opener));
            link
        };
        self.tell();
        Linked { exchange: self.clone(), laptop, link }
    }

    /// What this laptop may ask for.
    pub fn deliveries(self: &Arc<Self>, laptop: Pin) -> Deliveries {
        Deliveries { exchange: self.clone(), laptop }
    }

    /// A link to an agent of the intercept with this number, if it is this laptop's.
    fn agent_for(&self, laptop: Pin, number: u32) -> Option<Opener> {
        let state = self.state.lock();
        let carried = state.carried.get(&number).filter(|carried| carried.laptop == laptop)?;
        let agents = state.agents.values().filter(|agent| carried.is_of(&agent.pod) && agent.opener.is_open());
        // The youngest: the pod of an older one may be about to go.
        agents.max_by_key(|agent| agent.link).map(|agent| agent.opener.clone())
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        {
            let mut state = self.exchange.state.lock();
            if let Some(links) = state.laptops.get_mut(&self.laptop) {
                links.retain(|(link, _)| *link != self.link);
                if links.is_empty() {
                    state.laptops.remove(&self.laptop);
                }
            }
        }
        self.exchange.tell();
    }
}

impl Gate for Deliveries {
    fn lead(&self, kind: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        let (number, container) = target::intercept(target).ok_or(Reason::Forbidden)?;
        let agent = self.exchange.agent_for(self.laptop, number).ok_or(Reason::Unreachable)?;
        let (near, far) = pipe();
        match agent.open(kind, target::of_intercept(0, container), Near::Pipe(far)) {
            Ok(()) => Ok(Lead::Pipe(near)),
            Err(_) => Err(Reason::Limit),
        }
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}
