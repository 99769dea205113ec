//! Names of this computer's users. They may be kept in a directory elsewhere, so each is looked up once.

use std::collections::{HashMap, HashSet};

use nix::unistd::{Uid, User};

/// Those that were looked up, by uid.
#[derive(Default)]
pub(crate) struct Users(HashMap<u32, Option<String>>);

impl Users {
    /// May ask a server of the network.
    pub(crate) fn look_up(&mut self, uid: u32) -> Option<&str> {
        let look = || User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        self.0.entry(uid).or_insert_with(look).as_deref()
    }

    /// The name of one that was looked up, or the number of who has none.
    pub(crate) fn name(&self, uid: u32) -> String {
        self.0.get(&uid).cloned().flatten().unwrap_or_else(|| format!("uid {uid}"))
    }

    /// Forgets all others.
    pub(crate) fn keep(&mut self, uids: &HashSet<u32>) {
        self.0.retain(|uid, _| uids.contains(uid));
    }
}
