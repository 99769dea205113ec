//! What was examined.

use hawser_client::doctor::Check;
use hawser_fault::{Code, Fault};
use hawser_ipc::proto;

use crate::facts::Facts;
use crate::view::{CheckRow, Doctor, Log, LogLevel, Ms, Outcome, Possible, Problem, Remedy, Screen};

pub(crate) fn doctor(facts: &Facts) -> Doctor {
    let known = &facts.doctor;
    let row = |(id, check): (usize, &Check)| CheckRow {
        id: id.try_into().unwrap_or(u32::MAX),
        title: check.title.clone(),
        outcome: outcome(check.outcome),
        reason: check.reason.clone(),
        fix: check.fix.clone(),
        remedy: remedy_of(check, facts),
    };
    let exported = known.exported.as_ref();
    Doctor {
        running: known.running,
        at: known.at,
        checks: known.checks.iter().enumerate().map(row).collect(),
        exporting: known.exporting,
        exported: exported.and_then(|outcome| outcome.as_ref().ok()).map(|path| path.display().to_string()),
        problem: exported.and_then(|outcome| outcome.as_ref().err()).map(Problem::from),
        log: log(facts),
    }
}

fn log(facts: &Facts) -> Log {
    let no = |why: &str| Possible::No { why: why.to_owned() };
    let unknown = |set, problem| Log { level: None, until: None, set, problem };
    let known = match &facts.doctor.level {
        None => unknown(no("The helper has not yet said how much it writes."), None),
        Some(Err(fault)) => unknown(no("The helper does not say how much it writes."), Some(silence(fault, facts))),
        Some(Ok(known)) => Log {
            level: LogLevel::of(&known.level),
            until: (known.until != 0).then_some(Ms(known.until)),
            set: Possible::Yes,
            problem: None,
        },
    };
    match facts.helper.is_up() {
        true => known,
        false => Log { set: no("The helper does not answer."), problem: None, ..known },
    }
}

fn silence(fault: &Fault, facts: &Facts) -> Problem {
    if fault.code != Code::HelperVersion {
        return Problem::from(fault).with_remedy(remedy(fault.code, facts));
    }
    let detail = "the helper is older than this application, and always writes the same";
    Problem::from(Fault::new(fault.code, detail)).with_remedy(remedy(fault.code, facts))
}

/// What the application can do about what was found.
pub(crate) fn remedy_of(check: &Check, facts: &Facts) -> Option<Remedy> {
    remedy(check.code.filter(|_| check.outcome != proto::Outcome::Pass)?, facts)
}

fn remedy(code: Code, facts: &Facts) -> Option<Remedy> {
    match code {
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
