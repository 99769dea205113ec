//! What was examined.

use hawser_client::doctor::Check;
use hawser_fault::Code;
use hawser_ipc::proto;

use crate::facts::Facts;
use crate::view::{CheckRow, Doctor, Outcome, Problem, Remedy, Screen};

pub(crate) fn doctor(facts: &Facts) -> Doctor {
    let known = &facts.doctor;
    let row = |(id, check): (usize, &Check)| CheckRow {
        id: id.try_into().unwrap_or(u32::MAX),
        title: check.title.clone(),
        outcome: outcome(check.outcome),
        reason: check.reason.clone(),
        fix: check.fix.clone(),
        remedy: remedy(check, facts),
    };
    let exported = known.exported.as_ref();
    Doctor {
        running: known.running,
        at: known.at,
        checks: known.checks.iter().enumerate().map(row).collect(),
        exporting: known.exporting,
        exported: exported.and_then(|outcome| outcome.as_ref().ok()).map(|path| path.display().to_string()),
        problem: exported.and_then(|outcome| outcome.as_ref().err()).map(Problem::from),
    }
}

/// What the application can do about it.
pub(crate) fn remedy(check: &Check, facts: &Facts) -> Option<Remedy> {
    if check.outcome == proto::Outcome::Pass {
        return None;
    }
    match check.code? {
        Code::HelperUnreachable => facts.helper.problem.as_ref().and_then(|problem| problem.remedy.clone()),
        Code::HelperNotAllowed => Some(Remedy::JoinGroup),
        Code::HelperVersion => Some(Remedy::RestartHelper),
        Code::SubnetConflict => Some(Remedy::Show { screen: Screen::Subnets }),
        Code::KubeconfigMissing | Code::KubeconfigEmpty => Some(Remedy::Show { screen: Screen::Settings }),
        Code::LoginRequired | Code::CredentialExpired => Some(Remedy::Show { screen: Screen::Clusters }),
        _ => None,
    }
}

fn outcome(outcome: proto::Outcome) -> Outcome {
    match outcome {
        proto::Outcome::Pass => Outcome::Pass,
        proto::Outcome::Warn => Outcome::Warn,
        proto::Outcome::Fail | proto::Outcome::Unspecified => Outcome::Fail,
    }
}
