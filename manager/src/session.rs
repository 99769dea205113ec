//! One laptop's session: what its flows may lead to.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::sockets::{Answer, Gate, Lead};

use crate::cluster::Cluster;
use crate::metrics;

/// Lets a laptop reach what the cluster serves.
pub struct Session {
    /// The world it reaches.
    pub cluster: Arc<dyn Cluster>,
}

impl Gate for Session {
    fn lead(&self, _: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        if self.cluster.serves(target.ip()) { Ok(Lead::To(target)) } else { Err(Reason::Forbidden) }
    }

    fn resolve(&self, query: Bytes) -> Answer<'_> {
        self.cluster.resolve(query)
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
