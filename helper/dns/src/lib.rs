//! Names for a laptop that is tied to a cluster: which name belongs to whom, what is remembered, what is answered.
//!
//! [`Resolver`] is sans-IO: queries, replies and the time go in, answers and lookups are polled out. Whoever drives it
//! owns the sockets. [`backend`] is about the other direction: making the operating system's resolver ask us.

mod alias;
mod answers;
pub mod backend;
mod cache;
mod flight;
pub mod fuzz;
mod limits;
mod names;
mod query;
mod reply;
mod resolver;
mod rules;
mod wire;

pub use answers::{Answered, By, Outcome, Why};
pub use limits::{CLUSTER_TTL, HOST_TTL, LOOKUP_TIMEOUT, Limits, NEGATIVE_TTL};
pub use resolver::{Event, LookupId, Resolver, Route, Stats, Transport};
pub use rules::{ClusterNames, DomainError, PROBE, is_domain};
