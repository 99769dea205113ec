//! One laptop's session: what its flows may lead to.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::sockets::{Answer, Gate, Lead};
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::exchange::Exchange;
use crate::{limits, metrics};

/// Lets a laptop reach what the cluster serves.
pub struct Session {
    /// The world it reaches.
    pub cluster: Arc<dyn Cluster>,
    /// Where its agents are.
    pub exchange: Arc<Exchange>,
    /// Its key.
    pub laptop: Pin,
}

impl Gate for Session {
    fn lead(&self, _: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        if self.cluster.serves(target.ip()) { Ok(Lead::To(target)) } else { Err(Reason::Forbidden) }
    }

    /// An intercepted pod is asked first: its name server may be one of its own.
    fn resolve(&self, query: Bytes) -> Answer<'_> {
        Box::pin(async move {
            if let Some(agent) = self.exchange.agents_of(self.laptop).into_iter().next()
                && let Ok(Some(answer)) = timeout(limits::AGENT_ANSWER, agent.ask(query.clone())).await
                && has_records(&answer)
            {
                return Some(answer);
            }
            self.cluster.resolve(query).await
        })
    }

    fn count_flow(&self) {
        metrics::FLOWS.up();
    }

    fn count_refusal(&self) {
        metrics::FLOWS_REFUSED.up();
    }

    fn count_query(&self) {
        metrics::QUERIES.up();
    }
}

/// Whether a DNS message has an answer in it (RFC 1035, section 4.1.1: ANCOUNT).
fn has_records(message: &[u8]) -> bool {
    message.get(6..8).is_some_and(|count| count != [0, 0])
}
