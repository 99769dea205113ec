//! What managers may have of the agent: what the pod itself reaches.

use std::net::SocketAddr;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::sockets::{Answer, Gate, Lead};
use hawser_tunnel::target;

use crate::resolver::Resolver;

/// Dials and resolves on behalf of laptops.
#[derive(Default)]
pub struct Dialler {
    resolver: Resolver,
}

impl Gate for Dialler {
    fn lead(&self, _: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        match target::intercept(target) {
            Some(_) => Err(Reason::Forbidden),
            None => Ok(Lead::To(target)),
        }
    }

    fn resolve(&self, query: Bytes) -> Answer<'_> {
        Box::pin(self.resolver.ask(query))
    }
}
