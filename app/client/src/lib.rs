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

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Snapshot, WatchRequest};
use hawser_ipc::{Client, from_status};

/// How everything is at the helper now.
///
/// # Errors
/// What the helper says, or `helper-unreachable`.
pub async fn snapshot(helper: &mut Client) -> Result<Snapshot, Fault> {
    let snapshots = helper.watch(WatchRequest::default()).await.map_err(|status| from_status(&status))?;
    let first = snapshots.into_inner().message().await.map_err(|status| from_status(&status))?;
    first.ok_or_else(no_answer)
}

/// A stream of the helper's that promised at least one message ended before it.
pub fn no_answer() -> Fault {
    Fault::new(Code::HelperUnreachable, "the helper ended the call without an answer")
}
