//! What managers may have of the agent: what the pod itself reaches, and the files of its containers.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::sockets::{Answer, Gate, Lead};
use hawser_tunnel::target;

use crate::files::Files;
use crate::resolver::Resolver;

/// Dials and resolves on behalf of laptops, and serves files to them.
pub struct Dialler {
    resolver: Resolver,
    files: Arc<Files>,
}

impl Dialler {
    /// All links share what they serve.
    pub fn new(files: Arc<Files>) -> Self {
        Self { resolver: Resolver::default(), files }
    }
}

impl Gate for Dialler {
    fn lead(&self, kind: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        match target::intercept(target) {
            Some((0, container)) if kind == Kind::Tcp => self.files.serve(container).map(Lead::Stream),
            Some(_) => Err(Reason::Forbidden),
            None => Ok(Lead::To(target)),
        }
    }

    fn resolve(&self, query: Bytes) -> Answer<'_> {
        Box::pin(self.resolver.ask(query))
    }
}
