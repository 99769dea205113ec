//! The contract between helper, manager and agent: an encrypted gRPC link that carries many flows.
//!
//! From the outside in: [`client`] and [`server`] make a link over TLS 1.3 between two pinned keys ([`identity`]);
//! a [`link::Link`] moves batches of frames between the wire and an [`link::Endpoint`]; the endpoint's [`mux::Mux`] decides
//! which flow may send what and when; [`frame`] is the wire format.

pub mod agent;
pub mod agents;
pub mod client;
pub mod error;
pub mod frame;
pub mod fuzz;
pub mod identity;
pub mod limits;
pub mod link;
pub mod mux;
mod pace;
mod platform;
mod schedule;
pub mod server;
pub mod sockets;
pub mod target;
mod tls;

/// The messages of the first exchange.
#[allow(missing_docs)]
pub mod proto {
    tonic::include_proto!("hawser.tunnel.v1");
}

/// The oldest protocol version that this build speaks.
pub const OLDEST_PROTOCOL: u32 = 1;
/// The newest protocol version that this build speaks.
pub const NEWEST_PROTOCOL: u32 = 1;

/// Name and version of this build, for people.
pub const SOFTWARE: &str = concat!("hawser ", env!("CARGO_PKG_VERSION"));
