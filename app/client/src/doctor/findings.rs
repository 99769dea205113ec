//! What was found, in the order in which it was looked for.

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{self, Outcome};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What ought to be so.
    pub title: String,
    /// Whether it is.
    pub outcome: Outcome,
    /// What was found.
    pub reason: String,
    /// What to do; empty if it passed.
    pub fix: String,
    /// Of the fault, if there is one that this program knows.
    pub code: Option<Code>,
}

impl Check {
    /// It is so.
    pub(super) fn passed(title: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { title: title.into(), outcome: Outcome::Pass, reason: reason.into(), fix: String::new(), code: None }
    }

    /// It is so, but not as it should be.
    pub(super) fn warned(title: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { title: title.into(), outcome: Outcome::Warn, reason: reason.into(), fix: fix.into(), code: None }
    }

    /// It is not so.
    pub(super) fn failed(title: impl Into<String>, fault: impl Into<Fault>) -> Self {
        let fault = fault.into();
        Self {
            title: title.into(),
            outcome: Outcome::Fail,
            reason: fault.detail,
            fix: fault.fix,
            code: Some(fault.code),
        }
    }
}

impl From<proto::Check> for Check {
    fn from(check: proto::Check) -> Self {
        let code = Code::parse(&check.code);
        Self { outcome: check.outcome(), title: check.title, reason: check.reason, fix: check.fix, code }
    }
}

/// The checks made so far. Whoever makes them ends by `?` at what nothing further can be found without.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Check>);

impl Findings {
    /// Adds a check.
    pub(super) fn add(&mut self, check: Check) {
        self.0.push(check);
    }

    /// Adds what passed.
    pub(super) fn pass(&mut self, title: impl Into<String>, reason: impl Into<String>) {
        self.add(Check::passed(title, reason));
    }

    /// Adds what failed; `None`, so that it can end the search.
    pub(super) fn fail<T>(&mut self, title: impl Into<String>, fault: impl Into<Fault>) -> Option<T> {
        self.add(Check::failed(title, fault));
        None
    }

    /// Adds the failure if there is one, and goes on with the value if not.
    pub(super) fn need<T>(&mut self, title: &str, outcome: Result<T, impl Into<Fault>>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(fault) => self.fail(title, fault),
        }
    }

    /// Makes warnings of failures.
    pub(super) fn soften(&mut self) {
        self.0.iter_mut().filter(|check| super::is_failure(check)).for_each(|check| check.outcome = Outcome::Warn);
    }

    /// All of them.
    pub(super) fn into_checks(self) -> Vec<Check> {
        self.0
    }
}

impl Extend<Check> for Findings {
    fn extend<T: IntoIterator<Item = Check>>(&mut self, checks: T) {
        self.0.extend(checks);
    }
}
