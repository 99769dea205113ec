//! The product whole, in worlds of its own: `cargo test --workspace --test whole`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod command;
mod faults;
mod killed;
mod leaks;
mod names;
mod reroute;
mod services;
mod several;
mod support;
mod truth;
