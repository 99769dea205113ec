//! Changes of the host that outlive the process, written down before they are made.
//!
//! One file an entry, so that there is no half-written list to repair: a file is whole or it is not there.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{files, unwritable};
use crate::limits;

const EXTENSION: &str = "json";

/// The journal's directory.
pub struct Journal {
    dir: PathBuf,
}

/// The number of an entry; later entries have greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u64);

impl Journal {
    /// Opens the journal, making its directory if needed.
    ///
    /// # Errors
    /// `state-unwritable`.
    pub fn open(dir: PathBuf) -> Result<Self, Fault> {
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|error| unwritable(&dir, &error))?;
        Ok(Self { dir })
    }

    /// Writes down a change that is about to be made. When this returns it is on the disk.
    ///
    /// # Errors
    /// `state-unwritable` or `limit-reached`; then the change must not be made.
    pub fn record(&self, change: &impl Serialize) -> Result<Entry, Fault> {
        let numbers = self.numbers().map_err(|error| unwritable(&self.dir, &error))?;
        if numbers.len() >= limits::JOURNAL_ENTRIES {
            let detail = format!("{} changes of this host wait to be undone", numbers.len());
            return Err(Fault::new(Code::LimitReached, detail).with_fix("Undo them with: sudo hawser-helper cleanup"));
        }
        let entry = Entry(numbers.last().map_or(0, |last| last + 1));
        let path = self.path(entry);
        let json = serde_json::to_vec_pretty(change)
            .map_err(|error| Fault::new(Code::Internal, format!("{} cannot be written: {error}", path.display())))?;
        files::replace(&path, &json).map_err(|error| unwritable(&path, &error))?;
        Ok(entry)
    }

    /// Strikes out a change that was undone.
    ///
    /// # Errors
    /// `state-unwritable`; then it will be undone once more, which must do no harm.
    pub fn settle(&self, entry: Entry) -> Result<(), Fault> {
        let path = self.path(entry);
        files::remove(&path).map_err(|error| unwritable(&path, &error))
    }

    /// Every change that is to be undone, the latest first. A damaged entry is set aside with a warning.
    ///
    /// # Errors
    /// `file-unreadable`.
    pub fn pending<C: DeserializeOwned>(&self) -> Result<Vec<(Entry, C)>, Fault> {
        let unreadable = |path: &Path, error: io::Error| {
            Fault::new(Code::FileUnreadable, format!("{} cannot be read: {error}", path.display()))
        };
        let numbers = self.numbers().map_err(|error| unreadable(&self.dir, error))?;
        let mut changes = Vec::new();
        for entry in numbers.into_iter().rev().map(Entry) {
            let path = self.path(entry);
            let Some(content) = files::read(&path).map_err(|error| unreadable(&path, error))? else { continue };
            match serde_json::from_slice(&content) {
                Ok(change) => changes.push((entry, change)),
                Err(error) => {
                    let aside = files::set_aside(&path);
                    tracing::warn!(path = %path.display(), %error, ?aside, "an entry of the journal is damaged");
                }
            }
        }
        Ok(changes)
    }

    /// Numbers of the whole entries, in order.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for file in std::fs::read_dir(&self.dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                numbers.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()));
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, entry: Entry) -> PathBuf {
        self.dir.join(format!("{:06}.{EXTENSION}", entry.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(journal: &Journal) -> Vec<String> {
        journal.pending::<String>().unwrap().into_iter().map(|(_, change)| change).collect()
    }

    #[test]
    fn latest_change_is_undone_first() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path().join("journal")).unwrap();
        let first = journal.record(&"first").unwrap();
        let second = journal.record(&"second").unwrap();
        assert!(first < second);
        assert_eq!(pending(&journal), ["second", "first"]);
        journal.settle(second).unwrap();
        journal.settle(second).unwrap();
        assert_eq!(pending(&journal), ["first"]);
        assert_eq!(pending(&Journal::open(dir.path().join("journal")).unwrap()), ["first"]);
    }

    #[test]
    fn torn_and_damaged_entries_do_not_hide_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path().to_owned()).unwrap();
        journal.record(&"whole").unwrap();
        std::fs::write(dir.path().join("000001.json.tmp"), "\"tor").unwrap();
        std::fs::write(dir.path().join("000002.json"), "\"damaged").unwrap();
        assert_eq!(pending(&journal), ["whole"]);
        assert!(dir.path().join("000002.json.damaged").exists());
        assert_eq!(pending(&journal), ["whole"]);
    }

    #[test]
    fn full_journal_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path().to_owned()).unwrap();
        for number in 0..limits::JOURNAL_ENTRIES {
            journal.record(&number).unwrap();
        }
        assert_eq!(journal.record(&"one more").err().unwrap().code, Code::LimitReached);
    }
}
