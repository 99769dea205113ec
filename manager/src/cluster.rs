//! What the manager knows of the world it stands in.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin as Pinned;

use bytes::Bytes;
use hawser_tunnel::identity::Pin;
use ipnet::IpNet;

/// A world of subnets, names and people who may come in.
pub trait Cluster: Send + Sync + 'static {
    /// Whether the laptop with this key may have a session.
    fn admits(&self, client: Pin) -> bool;

    /// The subnets that laptops route here.
    fn subnets(&self) -> Vec<IpNet>;

    /// The suffixes that laptops resolve here.
    fn domains(&self) -> Vec<String>;

    /// The suffix under which single labels are looked up; empty for none.
    fn search_domain(&self) -> String;

    /// Whether a flow to this address may be dialled.
    fn serves(&self, target: IpAddr) -> bool;

    /// Answers one DNS message (RFC 1035, section 4) by another. `None` if there is no answer to give.
    fn resolve(&self, query: Bytes) -> Pinned<Box<dyn Future<Output = Option<Bytes>> + Send + '_>>;
}
