//! `hawser doctor`.

use crate::doctor::Check;
use hawser_ipc::proto::Outcome;
use serde::Serialize;

use super::known;

/// Of `hawser doctor`.
#[derive(Serialize)]
pub struct Doctor {
    /// Whether no check failed; the exit code says the same.
    ok: bool,
    checks: Vec<Examined>,
}

/// One thing that was looked at, in order.
#[derive(Serialize)]
pub struct Examined {
    title: String,
    /// pass, warn or fail.
    outcome: &'static str,
    reason: String,
    fix: Option<String>,
}

impl From<Vec<Check>> for Doctor {
    fn from(checks: Vec<Check>) -> Self {
        Self {
            ok: checks.iter().all(|check| check.outcome != Outcome::Fail),
            checks: checks.into_iter().map(Examined::from).collect(),
        }
    }
}

impl From<Check> for Examined {
    fn from(check: Check) -> Self {
        let outcome = crate::words::outcome(check.outcome);
        Self { title: check.title, outcome, reason: check.reason, fix: known(check.fix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn checks_keep_their_shape() {
        let check =
            Check { title: "t".into(), outcome: Outcome::Warn, reason: "r".into(), fix: String::new(), code: None };
        let failed = Check { outcome: Outcome::Fail, fix: "f".into(), ..check.clone() };
        assert_eq!(
            to_value(Doctor::from(vec![check, failed])).unwrap(),
            json!({"ok": false, "checks": [
                {"title": "t", "outcome": "warn", "reason": "r", "fix": null},
                {"title": "t", "outcome": "fail", "reason": "r", "fix": "f"}
            ]})
        );
    }
}
