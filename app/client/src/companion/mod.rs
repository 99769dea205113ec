//! The companion: one background process a user, which answers the helper's questions as that user.
//!
//! It is started by whatever of Hawser needs it and ends by itself when no connection does. What it knows of a connection
//! comes with each question, the profile, except for the environment in which the user asked for the connection, and what they
//! logged in with at a terminal: that is handed over on a socket of the user's own and kept in memory.

mod answer;
mod handover;
mod log;
mod process;
mod start;

pub use handover::{Handover, hand_over};
pub use log::log;
pub use process::run;
pub use start::{ensure, ensure_present, folder, is_there};
