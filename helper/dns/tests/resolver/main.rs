//! The resolver as its driver sees it, with hickory as an independent reader and writer of messages.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its messages has failed")]

mod answered;
mod answers;
mod lookups;
mod oracle;
mod remembering;
mod world;
