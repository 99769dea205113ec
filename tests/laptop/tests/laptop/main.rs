//! The packages, on machines. `tests/laptop/test` runs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod default;
mod desktop;
mod host;
mod variants;
