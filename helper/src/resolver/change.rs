//! Changes of the host that outlive the process, and how they are undone.
//!
//! What systemd-resolved is told is none: it dies with the device.

use hawser_dns::backend::resolv_conf::{Backup, Error, ResolvConf, Restored};
use hawser_dns::backend::resolvconf::Program;
use hawser_fault::{Code, Fault};
use serde::{Deserialize, Serialize};

use super::command;
use super::host::Places;
use crate::store::journal::{Entry, Journal};

/// A change of the host that outlives the process.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The resolver's file.
    ResolvConf(Backup),
    /// A record of `resolvconf`.
    Resolvconf(Program),
}

/// Undoes every change that is there, and says how many there were.
///
/// # Errors
/// The first one, after trying them all; what failed stays in the journal.
pub async fn undo_all(journal: &Journal, places: &Places) -> Result<usize, Fault> {
    let mut outcome = Ok(());
    let pending = journal.pending::<Change>()?;
    let count = pending.len();
    for (entry, change) in pending {
        outcome = outcome.and(undo(journal, places, entry, &change).await);
    }
    outcome?;
    Ok(count + usize::from(undo_orphan(places)?))
}

/// Puts back what a file of ours covers that no entry knows: the journal was lost with the power or with its disk, or somebody has kept
/// our file and brought it back. Says whether there was one.
///
/// # Errors
/// `dns-unavailable`.
pub fn undo_orphan(places: &Places) -> Result<bool, Fault> {
    let Some(orphan) = ResolvConf::new(&places.resolv_conf).orphan() else { return Ok(false) };
    orphan.restore().map_err(|error| fault(&error))?;
    tracing::info!(file = %places.resolv_conf.display(), "a file of ours that nobody needs any more is taken away");
    Ok(true)
}

/// Undoes one change; doing it again is harmless.
///
/// # Errors
/// `dns-unavailable` or `state-unwritable`; then it stays in the journal.
pub async fn undo(journal: &Journal, places: &Places, entry: Entry, change: &Change) -> Result<(), Fault> {
    match change {
        Change::ResolvConf(backup) => {
            if backup.restore().map_err(|error| fault(&error))? == Restored::Theirs {
                tracing::warn!("somebody else changed the resolver's file meanwhile; it stays as it is");
            }
        }
        // Where it was removed, its records went with it.
        Change::Resolvconf(_) => {
            if let Some((command, program)) = places.resolvconf() {
                command::run(&command, program.delete(), "").await?;
            }
        }
    }
    journal.settle(entry)
}

/// What the user is told of a file that cannot be used.
pub fn fault(error: &Error) -> Fault {
    let fault = Fault::new(Code::DnsUnavailable, error.to_string());
    match error {
        Error::Orphaned(path) => fault.with_fix(format!("Put the right name servers into {} by hand.", path.display())),
        _ => fault.with_fix("See that the helper may write the file, or start it with --dns off."),
    }
}
