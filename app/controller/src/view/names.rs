//! Names that programs of this computer asked for.

use serde::Serialize;
use ts_rs::TS;

use super::{Ms, Problem, Us};
use crate::NamesQuery;

/// Some rows of the table.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Names {
    /// What these rows answer.
    pub query: NamesQuery,
    /// The rows that are wanted.
    pub rows: Vec<NameRow>,
    /// Number of the first of them.
    pub first: u32,
    /// How many the filter leaves.
    pub found: u32,
    /// How many there are; at most 1,000, the last ones.
    pub total: u32,
    /// Further ones that came too fast.
    pub missed: u32,
    /// Whether the helper has said which there are.
    pub known: bool,
    /// Why nothing is known.
    pub problem: Option<Problem>,
}

/// A question that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct NameRow {
    /// When it was answered.
    pub at: Ms,
    /// Over which connection.
    pub connection: String,
    /// The name.
    pub name: String,
    /// The type of record: A, AAAA.
    pub record: String,
    /// Who asked: the user; where from if that isn't known.
    pub asker: String,
    /// Who knew.
    pub by: AnsweredBy,
    /// The name or address of who knew, where it has one.
    pub server: String,
    /// What became of it.
    pub outcome: NameOutcome,
    /// Why it failed.
    pub why: String,
    /// From question to answer; zero if it was answered at once.
    pub took: Us,
}

/// Who knew the answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// It was remembered.
    Memory,
    /// The traffic manager.
    Manager,
    /// The agent of an intercepted pod.
    Agent,
    /// A name server of this computer's.
    Host,
    /// Nobody was asked, or nobody answered.
    Hawser,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum NameOutcome {
    /// There are such records.
    Answered,
    /// There is no such name.
    NoSuchName,
    /// The name has no such record.
    NoSuchRecord,
    /// Nobody knows.
    Failed,
}
