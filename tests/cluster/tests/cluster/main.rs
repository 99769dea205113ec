//! The rig's suite: Hawser in a real cluster, from a laptop beside it. `tests/cluster/test` runs it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod chart;
mod connection;
mod credentials;
mod desktop;
mod direct;
mod doctor;
mod faults;
mod injection;
mod install;
mod intercepts;
mod intercepts_attacks;
mod intercepts_faults;
mod intercepts_http;
mod intercepts_modes;
mod names;
mod proof;
mod security;
mod software;
mod traffic;
mod volumes;
