//! The form for a new intercept: what was typed, what was chosen, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptState, PreviewReply};

use crate::view::Preview;
use crate::{Draft, Picked};

#[derive(Default)]
pub(crate) struct Form {
    /// Counts how often it was opened.
    pub(crate) opened: u32,
    /// What it asked for is in force: another one begins anew.
    pub(crate) spent: bool,
    /// As it was opened.
    pub(crate) fresh: Draft,
    /// As it stands.
    pub(crate) draft: Draft,
    /// What workloads contain.
    pub(crate) search: String,
    /// Files and folders that were chosen.
    pub(crate) chosen: BTreeMap<Picked, PathBuf>,
    /// What is waited for while it is asked for.
    pub(crate) asking: Option<String>,
    /// What asking for it would change.
    pub(crate) preview: Preview,
    /// What came of asking.
    pub(crate) failed: Option<Fault>,
}

impl Form {
    /// Opens it with this.
    pub(crate) fn open(&mut self, draft: Draft) {
        self.opened += 1;
        self.search.clear();
        self.chosen.clear();
        self.failed = None;
        self.spent = false;
        self.fresh = Draft { revision: self.draft.revision, ..draft };
        self.draft = self.fresh.clone();
    }

    /// Another page comes: it goes on with what was typed.
    pub(crate) fn reopen(&mut self) {
        self.opened += u32::from(self.opened > 0);
        self.fresh = self.draft.clone();
    }

    /// It was changed. What came of asking for another one says nothing any more.
    pub(crate) fn change(&mut self, draft: Draft) {
        if draft != self.draft {
            self.failed = None;
        }
        self.draft = draft;
    }

    /// What the cluster says of the draft of this revision; of an earlier one it says nothing any more.
    pub(crate) fn previewed(&mut self, revision: u32, outcome: Result<PreviewReply, Fault>) {
        if revision != self.draft.revision {
            return;
        }
        self.preview = match outcome {
            Ok(PreviewReply { will_restart, notes }) if will_restart.is_empty() => Preview::Nothing { notes },
            Ok(PreviewReply { will_restart, notes }) => Preview::Restarts { pods: will_restart, notes },
            // One that can't say what would happen may do it all the same.
            Err(fault) if fault.code == Code::HelperVersion => Preview::None,
            Err(fault) => Preview::Impossible { problem: fault.into() },
        };
    }

    pub(crate) fn begin(&mut self) {
        self.asking = Some("asking the cluster".to_owned());
        self.failed = None;
    }

    pub(crate) fn waits_for(&mut self, state: &InterceptState) {
        if self.asking.is_some() && !state.step.is_empty() {
            self.asking = Some(state.step.clone());
        }
    }

    /// What came of asking; whether it is in force.
    pub(crate) fn asked(&mut self, outcome: Result<(), Fault>) -> bool {
        self.asking = None;
        self.failed = outcome.err();
        self.spent = self.failed.is_none();
        self.spent
    }

    pub(crate) fn chosen(&mut self, what: Picked, path: Option<PathBuf>) {
        if let Some(path) = path {
            self.chosen.insert(what, path);
        }
    }
}
