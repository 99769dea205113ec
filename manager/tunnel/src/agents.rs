//! Links between agents and managers, both ends.
//!
//! The manager is known by its authority's certificate, the agent by the token of its pod, which it shows in the first message
//! of `Follow`. Until the manager has answered that, the connection carries nothing else.

mod client;
mod server;

pub use client::{Dialled, dial};
pub use server::{Host, Orders, Reports, connection};
