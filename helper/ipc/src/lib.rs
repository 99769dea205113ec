//! The contract between the user's programs and the helper: its messages, a client, and a server that knows who calls.
//!
//! It travels as gRPC over a Unix socket. `proto/helper.proto` is the contract itself; start reading there.

mod client;
mod fault;
pub mod limits;
mod peer;
mod server;

/// What `proto/helper.proto` generates.
#[allow(missing_docs, clippy::all, clippy::unwrap_used)]
pub mod proto {
    tonic::include_proto!("hawser.ipc.v1");
}

use std::path::PathBuf;

pub use client::{Channel, Client, connect};
pub use fault::{from_status, to_status};
pub use peer::{Peer, peer_of};
pub use server::serve;

/// Where the helper listens unless `HAWSER_SOCKET` says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/hawser/helper.sock";

/// The helper's socket for this process: `$HAWSER_SOCKET`, else [`DEFAULT_SOCKET`].
pub fn socket_path() -> PathBuf {
    match std::env::var_os("HAWSER_SOCKET") {
        Some(path) if !path.is_empty() => path.into(),
        _ => DEFAULT_SOCKET.into(),
    }
}
