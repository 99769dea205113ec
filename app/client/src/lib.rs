//! What runs as the user, for every program that shows Hawser: it reads the user's files, names the user's processes and
//! checks what only the user's side can see. It owns no truth about connections; that is the helper's.

pub mod companion;
pub mod connecting;
pub mod doctor;
pub mod elevation;
pub mod gather;
pub mod install;
pub mod intercept;
pub mod json;
pub mod kubeconfig;
mod lists;
pub mod manifest;
pub mod mounts;
mod platform;
pub mod presence;
pub mod processes;
pub mod secrets;
mod standalone;
pub mod units;
pub mod words;

pub use lists::some_of;
pub use platform::{Watch, Watched};
pub use standalone::Standalone;

/// A stream of the helper's that promised at least one message ended before it.
pub fn no_answer() -> hawser_fault::Fault {
    hawser_fault::Fault::new(hawser_fault::Code::HelperUnreachable, "the helper ended the call without an answer")
}
