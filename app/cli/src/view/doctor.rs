//! Checks in the order in which they were made.

use std::fmt::Write as _;

use anstyle::Style;
use hawser_client::doctor::Check;
use hawser_client::words;
use hawser_ipc::proto::Outcome;

use crate::output::style::{BAD, GOOD, HEADING, WARNING, paint};
use crate::output::text::harmless;

/// A line for each check with what was found, another with the fix where there is one, and the sum.
pub(crate) fn describe(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let outcome = paint(style(check.outcome), words::outcome(check.outcome));
        let _ = writeln!(text, "{outcome}  {}: {}", paint(HEADING, &harmless(&check.title)), harmless(&check.reason));
        if !check.fix.is_empty() {
            let _ = writeln!(text, "      {} {}", paint(HEADING, "fix:"), harmless(&check.fix));
        }
    }
    let count = |name: &str| checks.iter().filter(|check| words::outcome(check.outcome) == name).count();
    let _ = writeln!(text, "\n{} passed, {} warned, {} failed", count("pass"), count("warn"), count("fail"));
    text
}

fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => GOOD,
        Outcome::Warn => WARNING,
        Outcome::Fail | Outcome::Unspecified => BAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    #[test]
    fn each_check_says_what_was_found_and_what_to_do() {
        let check = |title: &str, outcome, reason: &str, fix: &str| Check {
            title: title.into(),
            outcome,
            reason: reason.into(),
            fix: fix.into(),
            code: None,
        };
        let drawn = describe(&[
            check("The socket is there", Outcome::Pass, "/run/hawser/helper.sock", ""),
            check("Names resolve", Outcome::Warn, "slowly", "Wait."),
            check("Routes stand", Outcome::Fail, "none", "Connect again."),
        ]);
        let expected = "\
pass  The socket is there: /run/hawser/helper.sock
warn  Names resolve: slowly
      fix: Wait.
fail  Routes stand: none
      fix: Connect again.

1 passed, 1 warned, 1 failed
";
        assert_eq!(strip_str(&drawn).to_string(), expected);
    }
}
