//! What a peer's flows may lead to.

use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use tokio::net::UnixStream;

use super::pipe::End;
use crate::frame::{Kind, Reason};

/// The answer to a DNS message, once it is there; `None` if there is none to give.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Option<Bytes>> + Send + 'a>>;

/// Decides what the peer of a link may have.
pub trait Gate: Send + Sync + 'static {
    /// Where a flow leads that the peer asks for.
    ///
    /// # Errors
    /// The reason that the peer is told.
    fn lead(&self, kind: Kind, target: SocketAddr) -> Result<Lead, Reason>;

    /// Answers one DNS message (RFC 1035, section 4) by another.
    fn resolve(&self, query: Bytes) -> Answer<'_>;

    /// The peer asked for a flow.
    fn count_flow(&self) {}

    /// A flow could not be had, for whatever reason. With what was asked for where it led to a socket.
    fn count_refusal(&self, _: Option<(Kind, SocketAddr)>) {}

    /// The peer asked for a name.
    fn count_query(&self) {}
}

/// What stands at the far end of a flow.
#[derive(Debug)]
pub enum Lead {
    /// A socket that is yet to be made, by the flow's kind.
    To(SocketAddr),
    /// A flow of another link, or a task of this process.
    Pipe(End),
    /// A program in this process that speaks a stream. Must be non-blocking.
    Stream(UnixStream),
}
