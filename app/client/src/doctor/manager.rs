//! The manager: whether it is installed, lets the user in, is of our version, and can be reached.
//!
//! A user may neither list pods nor read the Deployment, so it is asked as `hawser connect` asks it: by a session, whose status
//! names the replicas. The session is of a key that nobody has, and is deleted at once.

use std::time::Instant;

use hawser_api::{Client, Replica, Session, SessionPhase, SessionSpec};
use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, Body, User, greet};
use http::Method;
use ring::rand::SystemRandom;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::findings::{Check, Findings};
use super::rights::grant;
use super::server::{milliseconds, within};
use super::{Question, limits};

const GROUP: &str = "/apis/hawser.dev/v1alpha1";

/// Whether the cluster knows Hawser's resources. Every user may ask that.
pub(super) async fn is_installed(api: &Api, namespace: &str, findings: &mut Findings) -> Option<()> {
    let title = "Hawser is installed in the cluster";
    match within(&format!("GET {GROUP}"), api.request::<Value>(Method::GET, GROUP, None)).await {
        Ok(_) => findings.pass(title, "the cluster knows sessions.hawser.dev"),
        Err(ApiError::Refused { status: 404, .. }) => {
            let detail = format!("{} does not know sessions.hawser.dev", api.address());
            return findings.fail(title, absent(detail, namespace));
        }
        Err(error) => return findings.fail(title, error),
    }
    Some(())
}

/// Whether the manager answers a session of this user; the replicas that it names.
pub(super) async fn answers(
    question: &Question<'_>,
    api: &Api,
    user: User,
    findings: &mut Findings,
) -> Option<Vec<Replica>> {
    let title = format!("The manager in {} lets you in", question.manager_namespace);
    let name = user.username.clone();
    let began = Instant::now();
    let replicas = ask(question, api, user).await.map_err(|error| explain(error, question.manager_namespace, &name));
    let replicas = findings.need(&title, replicas)?;
    let pods: Vec<_> = replicas.iter().map(|replica| replica.pod.as_str()).collect();
    findings.pass(title, format!("{} answered a session within {}", pods.join(", "), milliseconds(began.elapsed())));
    Some(replicas)
}

/// Whether the manager is of this program's version. Another one may do: if its protocol doesn't, the connection says so.
pub(super) fn has_version(replicas: &[Replica], own: &str, findings: &mut Findings) {
    let title = "The manager has this program's version";
    let other = replicas.iter().find(|replica| replica.software.split_whitespace().next_back() != Some(own));
    findings.add(match other {
        None => Check::passed(title, own),
        Some(replica) => {
            let reason = format!("{} is {}, this program is {own}", replica.pod, replica.software);
            Check::warned(title, reason, Code::VersionMismatch.fix())
        }
    });
}

/// Whether a port-forward to a replica comes through.
pub(super) async fn is_reached(
    api: &Api,
    namespace: &str,
    replicas: &[Replica],
    findings: &mut Findings,
) -> Option<()> {
    let title = "A port-forward reaches the manager";
    let mut failure = None;
    for replica in replicas.iter().take(limits::REPLICAS) {
        let began = Instant::now();
        match timeout(limits::STEP, reach(api, namespace, replica)).await.unwrap_or_else(|_| Err(silent(replica))) {
            Ok(()) => {
                let place = format!("{namespace}/{} port {}", replica.pod, replica.port);
                let reason = format!("{place} answers through the API server within {}", milliseconds(began.elapsed()));
                findings.pass(title, reason);
                return Some(());
            }
            Err(fault) => failure = failure.or(Some(fault)),
        }
    }
    let none = || Fault::new(Code::ManagerAbsent, "the manager names no replica");
    findings.fail(title, failure.unwrap_or_else(none))
}

/// Why no answer came of a session.
enum Unanswered {
    /// The server doesn't take it.
    Refused(ApiError),
    /// No manager does.
    Silent,
    /// There can't be one.
    Impossible(Fault),
}

async fn ask(question: &Question<'_>, api: &Api, user: User) -> Result<Vec<Replica>, Unanswered> {
    let sessions = format!("{GROUP}/namespaces/{}/sessions", question.manager_namespace);
    let (name, session) = trial(question.version, user).map_err(Unanswered::Impossible)?;
    let creating = api.request::<Session>(Method::POST, &sessions, Some(Body::json(&session)));
    within(&format!("POST {sessions}"), creating).await.map_err(Unanswered::Refused)?;

    let path = format!("{sessions}/{name}");
    let answer = timeout(limits::STEP, wait_for_answer(api, &path)).await;
    // If this fails the manager deletes it before long.
    let _ = within(&format!("DELETE {path}"), api.request::<Value>(Method::DELETE, &path, None)).await;
    match answer {
        Ok(outcome) => outcome.map_err(Unanswered::Refused),
        Err(_) => Err(Unanswered::Silent),
    }
}

async fn wait_for_answer(api: &Api, path: &str) -> Result<Vec<Replica>, ApiError> {
    loop {
        let session: Session = api.request(Method::GET, path, None).await?;
        if let Some(status) = session.status.filter(|status| status.phase == Some(SessionPhase::Ready))
            && !status.replicas.is_empty()
        {
            return Ok(status.replicas);
        }
        sleep(limits::LOOK_AGAIN).await;
    }
}

/// A session that lets nobody in: its pin is drawn, not made of a key.
fn trial(version: &str, user: User) -> Result<(String, Session), Fault> {
    let drawn = ring::rand::generate::<[u8; 32]>(&SystemRandom::new());
    let drawn = drawn.map_err(|_| Fault::new(Code::Internal, "the system has no random numbers"))?.expose();
    let digits: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("doctor-{}", &digits[..20]);
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let spec = SessionSpec {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        key: format!("sha256:{digits}"),
        namespace: "default".to_owned(),
        client: Client { host, version: format!("{version} (doctor)") },
    };
    Ok((name.clone(), Session::new(&name, spec)))
}

async fn reach(api: &Api, namespace: &str, replica: &Replica) -> Result<(), Fault> {
    let mut stream = api.port_forward(namespace, &replica.pod, replica.port).await.map_err(|error| match error {
        ApiError::Broken { .. } => Fault::from(error)
            .with_fix("Something on the way to the API server may not let WebSockets through: see with its operator."),
        error => error.into(),
    })?;
    greet(&mut stream).await.map_err(|error| {
        let detail = format!("port {} of {namespace}/{} does not answer: {error}", replica.port, replica.pod);
        Fault::new(Code::ManagerUnreachable, detail).with_fix(look(namespace))
    })
}

fn silent(replica: &Replica) -> Fault {
    let detail = format!("{} did not answer within {} s", replica.pod, limits::STEP.as_secs());
    Fault::new(Code::ManagerUnreachable, detail)
}

fn explain(unanswered: Unanswered, namespace: &str, user: &str) -> Fault {
    let error = match unanswered {
        Unanswered::Silent => {
            let seconds = limits::STEP.as_secs();
            let detail = format!("no manager in the namespace {namespace} answered a session within {seconds} s");
            return Fault::new(Code::ManagerAbsent, detail).with_fix(look(namespace));
        }
        Unanswered::Impossible(fault) => return fault,
        Unanswered::Refused(error) => error,
    };
    let ApiError::Refused { status, message, .. } = &error else { return error.into() };
    match status {
        404 => absent(format!("there is no manager in the namespace {namespace}: {message}"), namespace),
        403 if message.contains("ValidatingAdmissionPolicy") => Fault::new(Code::SessionRefused, message.clone()),
        403 => Fault::new(Code::RightsMissing, message.clone()).with_fix(grant(namespace, user)),
        409 | 422 => Fault::new(Code::SessionRefused, message.clone()),
        _ => error.into(),
    }
}

fn absent(detail: String, namespace: &str) -> Fault {
    Fault::new(Code::ManagerAbsent, detail).with_fix(format!(
        "Install it with: hawser cluster install --manager-namespace {namespace}; or name where it is with --manager-namespace"
    ))
}

fn look(namespace: &str) -> String {
    format!(
        "See how it is with: kubectl -n {namespace} get pods; and that it was installed there: hawser cluster install"
    )
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;
    use crate::doctor::testing::{Reply, Rig, healthy};

    async fn last(rig: &Rig) -> Check {
        let checks = rig.examine().await;
        let failures = checks.iter().filter(|check| check.outcome == Outcome::Fail).count();
        let last = checks.last().unwrap().clone();
        assert_eq!((failures, last.outcome), (1, Outcome::Fail), "{checks:?}");
        last
    }

    #[tokio::test]
    async fn everything_is_right_until_the_port_forward() {
        let rig = Rig::new(healthy);
        let last = last(&rig).await;
        assert_eq!(last.title, "A port-forward reaches the manager");
        assert!(last.reason.contains("HTTP 404"), "{last:?}");
        assert!(rig.was_asked("DELETE /apis/hawser.dev/v1alpha1/namespaces/hawser/sessions/doctor-"));
    }

    #[tokio::test]
    async fn a_cluster_without_hawser_is_told_from_one_without_a_manager() {
        let rig = Rig::new(|request| match request.path.as_str() {
            GROUP => Reply::status(404, "the server could not find the requested resource"),
            _ => healthy(request),
        });
        let check = last(&rig).await;
        assert_eq!(check.title, "Hawser is installed in the cluster");
        assert!(check.fix.contains("hawser cluster install"), "{check:?}");

        let rig = Rig::new(|request| match request.method.as_str() {
            "POST" if request.path.ends_with("/sessions") => Reply::status(404, "namespaces \"hawser\" not found"),
            _ => healthy(request),
        });
        let check = last(&rig).await;
        assert_eq!(check.title, "The manager in hawser lets you in");
        assert!(check.reason.contains("not found") && check.fix.contains("hawser cluster install"), "{check:?}");
    }

    #[tokio::test]
    async fn a_manager_that_does_not_answer_is_absent_and_its_session_is_deleted() {
        let rig = Rig::new(|request| match request.method.as_str() {
            "GET" if request.path.contains("/sessions/doctor-") => {
                let Reply::Json(code, session) = healthy(request) else { return Reply::Never };
                let mut session: Value = serde_json::from_str(&session).unwrap();
                session["status"] = Value::Null;
                Reply::Json(code, session.to_string())
            }
            _ => healthy(request),
        });
        let check = last(&rig).await;
        assert!(check.reason.contains("no manager in the namespace hawser answered"), "{check:?}");
        assert!(check.fix.contains("kubectl -n hawser get pods"), "{check:?}");
        assert!(rig.was_asked("DELETE "));
    }

    #[tokio::test]
    async fn refusals_say_who_refuses() {
        for (status, message, fix) in [
            (403, "ValidatingAdmissionPolicy 'hawser-sessions.hawser' denied", Code::SessionRefused.fix()),
            (403, "sessions.hawser.dev is forbidden", "--user=dev"),
            (422, "spec.user: Invalid value", Code::SessionRefused.fix()),
            (500, "etcd is gone", Code::ApiRefused.fix()),
        ] {
            let rig = Rig::new(move |request| match request.method.as_str() {
                "POST" if request.path.ends_with("/sessions") => Reply::status(status, message),
                _ => healthy(request),
            });
            let check = last(&rig).await;
            assert!(check.reason.contains(message) && check.fix.ends_with(fix), "{check:?}");
            assert!(!rig.was_asked("DELETE "), "there is nothing to delete");
        }
    }

    #[test]
    fn another_version_is_worth_a_warning() {
        let replica = |software: &str| Replica {
            pod: "hawser-manager-a".to_owned(),
            address: String::new(),
            port: 7300,
            key: String::new(),
            software: software.to_owned(),
            endpoints: Vec::new(),
        };
        for (software, expected) in [
            (&["hawser 0.1.0"][..], Outcome::Pass),
            (&["hawser 0.1.0", "hawser 0.1.0"], Outcome::Pass),
            (&["hawser 0.1.0", "hawser 0.2.0"], Outcome::Warn),
            (&[""], Outcome::Warn),
        ] {
            let replicas: Vec<_> = software.iter().map(|software| replica(software)).collect();
            let mut findings = Findings::default();
            has_version(&replicas, "0.1.0", &mut findings);
            assert_eq!(findings.into_checks()[0].outcome, expected, "{software:?}");
        }
    }

    #[test]
    fn a_trial_is_a_session_that_the_schema_takes() {
        let user = User { username: "dev".to_owned(), ..User::default() };
        let (name, session) = trial("0.1.0", user).unwrap();
        assert!(name.len() == 27 && session.spec.key.len() == 71, "{name} {}", session.spec.key);
        assert_ne!(trial("0.1.0", User::default()).unwrap().0, name);
    }
}
