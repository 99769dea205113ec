//! Worlds made by `hawser demo`, and the probe that works inside them.
//!
//! A [`World`] is one running demo whose laptop command is the probe's agent: tests hand it shell commands and get
//! their output back, so many measurements share one world. The [`probe`] is the only client written here; everything
//! that has a well-known program (curl, dig, iperf3, ...) is tested with that program.

pub mod probe;
pub mod servers;
mod world;

pub use world::{Job, Options, Output, World, hawser};
