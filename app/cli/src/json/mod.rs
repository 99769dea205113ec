//! What `--json` prints. These shapes are stable: fields are added, never renamed or removed.
//!
//! Times are Unix milliseconds, durations microseconds, `null` means unknown or none. With `--watch` each change is one
//! object on a line of its own. A command that fails prints [`Failed`] and exits with 1.

mod doctor;
mod fault;
mod flows;
mod intercept;
mod key;
mod list;
mod status;

pub(crate) use doctor::Doctor;
pub(crate) use fault::Failed;
pub(crate) use flows::{Flow, Flows};
pub(crate) use intercept::{Intercept, Intercepted, Left};
pub(crate) use key::Key;
pub(crate) use list::List;
pub(crate) use status::Status;

fn known(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn measured(microseconds: u64) -> Option<u64> {
    Some(microseconds).filter(|microseconds| *microseconds != 0)
}
