//! What `--json` prints, and what is gathered. These shapes are stable: fields are added, never renamed or removed.
//!
//! Times are Unix milliseconds, durations microseconds, `null` means unknown or none.

mod doctor;
mod fault;
mod flows;
mod intercept;
mod queries;
mod status;

pub use doctor::Doctor;
pub use fault::{Cause, Failed};
pub use flows::{Flow, Flows};
pub use intercept::Intercept;
pub use queries::{Queries, Query};
pub use status::Status;

/// A text, if there is one.
pub fn known(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn measured(microseconds: u64) -> Option<u64> {
    Some(microseconds).filter(|microseconds| *microseconds != 0)
}
