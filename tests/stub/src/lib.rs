//! Helpers that play a part, for tests of the programs that speak to one.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod fixed;
mod live;
mod samples;

pub use fixed::{Ending, Stub};
pub use live::{Call, Live};
pub use samples::{PIN, catalogue, cluster, intercepted, question, snapshot, standalone};
