//! The one error type that crosses borders, and the table of every code it can carry.
//!
//! A library keeps its own typed errors; where one of them leaves the process (IPC, tunnel, command line) it becomes a
//! [`Fault`]. Command line and window print it as it is and never compose their own.

mod codes;

use std::fmt;

pub use codes::{CODES, Code};

/// An error as a person meets it: what kind, what happened this time, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which row of the table.
    pub code: Code,
    /// What was tried, on what, and why it failed: one sentence.
    pub detail: String,
    /// What the reader can do. The table's advice unless the place that failed knows better.
    pub fix: String,
}

impl Fault {
    /// A fault with the table's own advice.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fix: code.fix().to_owned() }
    }

    /// Replaces the table's advice by one that names the thing at hand.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.code.title(), self.detail, self.code)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_complete() {
        for (index, code) in CODES.iter().enumerate() {
            let name = code.as_str();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
            assert!(!code.title().is_empty() && !code.fix().is_empty(), "{name}");
            assert!(CODES[index + 1..].iter().all(|other| other.as_str() != name), "{name} stands twice");
            assert_eq!(Code::parse(name), Some(*code));
        }
        assert_eq!(Code::parse("no-such-code"), None);
    }
}
