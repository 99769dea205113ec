//! What was examined.

use std::path::PathBuf;

use hawser_client::doctor::Check;
use hawser_fault::Fault;
use hawser_ipc::proto::LevelReply;

use crate::view::Ms;

#[derive(Default)]
pub(crate) struct Doctor {
    pub(crate) running: bool,
    pub(crate) at: Option<Ms>,
    pub(crate) checks: Vec<Check>,
    pub(crate) exporting: bool,
    pub(crate) exported: Option<Result<PathBuf, Fault>>,
    /// How much the helper writes to its log, once it has said so.
    pub(crate) level: Option<Result<LevelReply, Fault>>,
    /// How often that was set: what was asked for before is out of date.
    pub(crate) level_set: u64,
}

impl Doctor {
    pub(crate) fn begin(&mut self, now: Ms) {
        self.running = true;
        self.at = Some(now);
        self.checks.clear();
    }

    pub(crate) fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(crate) fn done(&mut self) {
        self.running = false;
    }

    pub(crate) fn exported(&mut self, outcome: Result<PathBuf, Fault>) {
        self.exporting = false;
        self.exported = Some(outcome);
    }

    pub(crate) fn level_set(&mut self, level: LevelReply) {
        self.level = Some(Ok(level));
        self.level_set += 1;
    }
}
