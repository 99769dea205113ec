//! The state directory: what survives the process.
//!
//! `lock` is held while a helper runs, `format` says how the rest is written, `desired.json` says which connections and intercepts are wanted, `keys/` has one key a user, and
//! `journal/` has one file for each change of the host that must be undone.

pub mod desired;
pub mod files;
pub mod format;
pub mod intercepts;
pub mod journal;
pub mod keys;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};

use desired::Desired;
use journal::Journal;
use keys::Keys;

use crate::predecessor;

/// The state directory of a running helper, held exclusively.
pub struct Store {
    path: PathBuf,
    _lock: File,
}

impl Store {
    /// Makes the directory if needed and takes its lock. A helper that is just ending is waited for with all that it holds.
    ///
    /// # Errors
    /// `state-unwritable`, `state-newer`, or `listen-failed` if another helper holds it.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| unwritable(path, &error))?;
        let lock = lock(&path.join("lock"))?;
        format::claim(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The connections that are wanted.
    pub fn desired(&self) -> Desired {
        Desired::load(self.path.join("desired.json"))
    }

    /// The users' keys.
    pub fn keys(&self) -> Keys {
        Keys::new(self.path.join("keys"))
    }

    /// The changes of the host that are to be undone.
    ///
    /// # Errors
    /// `state-unwritable`.
    pub fn journal(&self) -> Result<Journal, Fault> {
        Journal::open(self.path.join("journal"))
    }
}

fn lock(path: &Path) -> Result<File, Fault> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritable(path, &error))?;
    // Whoever holds it has written its process id; if that cannot be read the message is only poorer.
    let mut holder = String::new();
    let _ = (&mut file).take(20).read_to_string(&mut holder);
    let holder = holder.trim();
    predecessor::outlast(|| file.try_lock()).map_err(|error| match error {
        TryLockError::WouldBlock => Fault::new(
            Code::ListenFailed,
            format!("another helper (process {holder}) works in {}", path.with_file_name("").display()),
        )
        .with_fix("Use the one that runs, or stop it with: sudo systemctl stop hawser-helper"),
        TryLockError::Error(error) => unwritable(path, &error),
    })?;
    if let Ok(pid) = holder.parse() {
        predecessor::await_end(pid);
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|error| unwritable(path, &error))?;
    Ok(file)
}

/// The fault for anything that could not be written below the state directory.
pub fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(Code::StateUnwritable, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_helper_is_refused_and_told_who_runs() {
        let dir = tempfile::tempdir().unwrap();
        let first = Store::open(dir.path()).unwrap();
        let fault = Store::open(dir.path()).err().unwrap();
        assert_eq!(fault.code, Code::ListenFailed);
        assert!(fault.detail.contains(&std::process::id().to_string()), "{fault}");
        drop(first);
        Store::open(dir.path()).unwrap();
    }

    #[test]
    fn directory_that_cannot_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(Store::open(&file.join("below")).err().unwrap().code, Code::StateUnwritable);
    }
}
