//! What a client has open.

use std::collections::HashMap;
use std::fs::{File, ReadDir};

use nix::errno::Errno;

use crate::limits;

/// An open file or folder.
pub enum Handle {
    File(File),
    /// Its entries that were not read yet.
    Folder(ReadDir),
}

/// All that is open, by the names that the client was given.
#[derive(Default)]
pub struct Handles {
    open: HashMap<String, Handle>,
    next: u64,
}

impl Handles {
    /// Gives a name.
    pub fn add(&mut self, handle: Handle) -> Result<String, Errno> {
        if self.open.len() >= limits::OPEN_FILES {
            return Err(Errno::EMFILE);
        }
        self.next += 1;
        let name = self.next.to_string();
        self.open.insert(name.clone(), handle);
        Ok(name)
    }

    pub fn close(&mut self, name: &str) -> Result<(), Errno> {
        self.open.remove(name).map(drop).ok_or(Errno::EBADF)
    }

    pub fn file(&self, name: &str) -> Result<&File, Errno> {
        match self.open.get(name) {
            Some(Handle::File(file)) => Ok(file),
            _ => Err(Errno::EBADF),
        }
    }

    pub fn folder(&mut self, name: &str) -> Result<&mut ReadDir, Errno> {
        match self.open.get_mut(name) {
            Some(Handle::Folder(entries)) => Ok(entries),
            _ => Err(Errno::EBADF),
        }
    }
}
