//! The companion: one background process a user, which answers the helper's questions as that user.
//!
//! It is started by whatever of Hawser needs it and ends by itself when no connection does. What it knows of a connection
//! comes with each question, the profile, except for the environment in which the user asked for the connection, which is handed
//! over on a socket of the user's own, and what they logged in with, which comes there too or of a plugin that is run for it.

mod answer;
mod asking;
mod desk;
mod handover;
mod log;
mod logins;
mod process;
mod protocol;
mod start;
#[cfg(test)]
mod tests;

pub use asking::{forget, kept, log_in, unlock};
pub use handover::Handover;
pub use log::log;
pub use process::run;
pub use start::{ensure, ensure_present, folder, is_there};
