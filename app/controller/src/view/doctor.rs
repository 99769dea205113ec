//! Checks.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Ms, Possible, Problem, Remedy};

/// What was examined.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Doctor {
    /// More will come.
    pub running: bool,
    /// When the last one was begun.
    pub at: Option<Ms>,
    /// In the order in which they were made.
    pub checks: Vec<CheckRow>,
    /// Everything is being gathered.
    pub exporting: bool,
    /// The file that was gathered last.
    pub exported: Option<String>,
    /// Why there is none.
    pub problem: Option<Problem>,
    /// What the helper notes down meanwhile.
    pub log: Log,
}

/// How much the helper writes to its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Log {
    /// `None` while that isn't known.
    pub level: Option<LogLevel>,
    /// When it goes back to normal by itself.
    pub until: Option<Ms>,
    /// Whether it can be set.
    pub set: Possible,
    /// Why it isn't known.
    pub problem: Option<Problem>,
}

/// How much is written to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What a user wants to know.
    Normal,
    /// What who looks for a fault wants to know; for a while.
    Debug,
}

impl LogLevel {
    /// As the contract with the helper has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Debug => "debug",
        }
    }

    /// The level of this word; `None` for a newer helper's.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Normal, Self::Debug].into_iter().find(|level| level.word() == word)
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct CheckRow {
    /// For acts.
    pub id: u32,
    /// What ought to be so.
    pub title: String,
    /// Whether it is.
    pub outcome: Outcome,
    /// What was found.
    pub reason: String,
    /// What to do; empty if it passed.
    pub fix: String,
    /// What the application can do.
    pub remedy: Option<Remedy>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is so.
    Pass,
    /// It is so, but not as it should be.
    Warn,
    /// It is not so.
    Fail,
}
