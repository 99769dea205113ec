//! Checks.

use serde::Serialize;
use ts_rs::TS;

use super::{Ms, Problem, Remedy};

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
