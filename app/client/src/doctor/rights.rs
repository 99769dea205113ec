//! What a user must be allowed for a connection: all of the role `hawser-user` in the chart's `rbac-developers.yaml`.

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, Body, User};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::findings::{Check, Findings};
use super::limits;
use super::server::within;

struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    /// The minor version of Kubernetes that needs it first.
    since: u32,
}

const fn session(verb: &'static str) -> Right {
    Right { verb, group: "hawser.dev", resource: "sessions", subresource: "", since: 0 }
}

const fn port_forward(verb: &'static str, since: u32) -> Right {
    Right { verb, group: "", resource: "pods", subresource: "portforward", since }
}

const RIGHTS: [Right; 6] = [
    session("create"),
    session("get"),
    session("watch"),
    session("delete"),
    port_forward("get", 0),
    port_forward("create", limits::CREATES_PORT_FORWARDS),
];

impl Right {
    fn in_words(&self) -> String {
        match self.group {
            "" => format!("{} {}/{}", self.verb, self.resource, self.subresource),
            group => format!("{} {}.{group}", self.verb, self.resource),
        }
    }
}

/// Asks for each right; one failure for each that is missing. `minor` is the server's version.
pub(super) async fn examine(
    api: &Api,
    namespace: &str,
    user: &User,
    minor: u32,
    findings: &mut Findings,
) -> Option<()> {
    let title = "You may connect";
    let needed = || RIGHTS.iter().filter(|right| right.since <= minor);
    let mut missing = Vec::new();
    for right in needed() {
        if !findings.need(title, is_allowed(api, namespace, right).await)? {
            missing.push(right);
        }
    }
    if missing.is_empty() {
        let rights: Vec<_> = needed().map(Right::in_words).collect();
        findings.pass(title, format!("{} in the namespace {namespace}", rights.join(", ")));
        return Some(());
    }
    for right in missing {
        let detail = format!("{} may not in the namespace {namespace}", user.username);
        let fault = Fault::new(Code::RightsMissing, detail).with_fix(grant(namespace, &user.username));
        findings.fail::<()>(format!("You may {}", right.in_words()), fault);
    }
    None
}

/// What a user must be allowed for intercepts in a namespace: all of the role `hawser-developer`.
const INTERCEPT_VERBS: [&str; 6] = ["create", "get", "list", "watch", "patch", "delete"];

/// Asks for the rights to intercept. Who lacks them may connect all the same.
pub(super) async fn of_intercepts(api: &Api, namespace: &str, user: &User, findings: &mut Findings) -> Option<()> {
    let title = format!("You may intercept in the namespace {namespace}");
    let mut missing = Vec::new();
    for verb in INTERCEPT_VERBS {
        let right = Right { verb, group: "hawser.dev", resource: "intercepts", subresource: "", since: 0 };
        if !findings.need(&title, is_allowed(api, namespace, &right).await)? {
            missing.push(verb);
        }
    }
    if missing.is_empty() {
        findings.pass(title, format!("{} intercepts.hawser.dev", INTERCEPT_VERBS.join(", ")));
    } else {
        let reason = format!("{} may not {} intercepts.hawser.dev there", user.username, missing.join(", "));
        findings.add(Check::warned(
            title,
            reason,
            granted(namespace, "hawser-developer", "--clusterrole", &user.username),
        ));
    }
    Some(())
}

/// Asks the server for one right (authorization.k8s.io/v1 SelfSubjectAccessReview).
async fn is_allowed(api: &Api, namespace: &str, right: &Right) -> Result<bool, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "namespace": namespace, "verb": right.verb, "group": right.group,
            "resource": right.resource, "subresource": right.subresource,
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let asking = api.request::<Answer>(Method::POST, path, Some(Body::json(&review)));
    within("what you may do", asking).await.map(|answer| answer.status.allowed)
}

/// What an administrator types.
pub(super) fn grant(namespace: &str, user: &str) -> String {
    granted(namespace, "hawser-user", "--role", user)
}

fn granted(namespace: &str, role: &str, kind: &str, user: &str) -> String {
    let subject = match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None => format!("--user={}", quoted(user)),
    };
    let command =
        format!("kubectl -n {namespace} create rolebinding {role}-{} {kind}={role} {subject}", object_name(user));
    format!("An administrator grants it with: {command}")
}

/// What of a user's name can stand in an object's.
fn object_name(user: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    user.chars().map(allowed).take(200).collect::<String>().trim_matches('-').to_owned()
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+:,./_-".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;
    use crate::doctor::testing::{Reply, Rig, healthy};

    #[test]
    fn what_grants_a_right_can_be_typed_as_it_is() {
        let prefix = "An administrator grants it with: kubectl -n hawser create rolebinding hawser-user-";
        for (user, rest) in [
            ("dev", "dev --role=hawser-user --user=dev"),
            ("Ann@example.com", "ann-example-com --role=hawser-user --user=Ann@example.com"),
            ("o'neil; rm", "o-neil--rm --role=hawser-user --user='o'\\''neil; rm'"),
            ("oidc:ann", "oidc-ann --role=hawser-user --user=oidc:ann"),
            (
                "system:serviceaccount:ci:runner",
                "system-serviceaccount-ci-runner --role=hawser-user --serviceaccount=ci:runner",
            ),
        ] {
            assert_eq!(grant("hawser", user), format!("{prefix}{rest}"));
        }
    }

    #[tokio::test]
    async fn each_missing_right_is_named_with_what_grants_it() {
        let rig = Rig::new(|request| {
            let denied = request.path.ends_with("/selfsubjectaccessreviews")
                && (request.body.contains(r#""verb":"watch""#) || request.body.contains("portforward"));
            if denied { Reply::json(r#"{"status": {"allowed": false}}"#) } else { healthy(request) }
        });
        let checks = rig.examine().await;
        let failed: Vec<_> = checks.iter().filter(|check| check.outcome == Outcome::Fail).collect();
        // Before 1.35 a port-forward over a WebSocket needs no create.
        let titles: Vec<_> = failed.iter().map(|check| check.title.as_str()).collect();
        assert_eq!(titles, ["You may watch sessions.hawser.dev", "You may get pods/portforward"]);
        for check in &failed {
            assert_eq!(check.reason, "dev may not in the namespace hawser");
            assert!(
                check
                    .fix
                    .ends_with("kubectl -n hawser create rolebinding hawser-user-dev --role=hawser-user --user=dev")
            );
        }
        assert_eq!(checks.last(), failed.last().copied(), "nothing further is attempted");
        assert!(!rig.was_asked("/sessions"));
    }

    #[tokio::test]
    async fn who_may_not_intercept_is_told_what_grants_it_and_the_search_goes_on() {
        let rig = Rig::new(|request| {
            let denied = request.path.ends_with("/selfsubjectaccessreviews")
                && request.body.contains("intercepts")
                && (request.body.contains(r#""verb":"create""#) || request.body.contains(r#""verb":"patch""#));
            if denied { Reply::json(r#"{"status": {"allowed": false}}"#) } else { healthy(request) }
        });
        let checks = rig.examine().await;
        let check = checks.iter().find(|check| check.title.starts_with("You may intercept")).unwrap();
        assert_eq!(check.outcome, Outcome::Warn);
        assert_eq!(check.reason, "dev may not create, patch intercepts.hawser.dev there");
        let namespace = check.title.rsplit(' ').next().unwrap();
        let command = format!(
            "kubectl -n {namespace} create rolebinding hawser-developer-dev --clusterrole=hawser-developer --user=dev"
        );
        assert!(check.fix.ends_with(&command), "{check:?}");
        assert!(rig.was_asked("/sessions"));
    }

    #[tokio::test]
    async fn new_servers_want_one_right_more() {
        let rig = Rig::new(|request| match request.path.as_str() {
            "/version" => Reply::json(r#"{"major": "1", "minor": "35", "gitVersion": "v1.35.0"}"#),
            path if path.ends_with("/selfsubjectaccessreviews")
                && request.body.contains(r#""verb":"create""#)
                && request.body.contains("portforward") =>
            {
                Reply::json(r#"{"status": {"allowed": false}}"#)
            }
            _ => healthy(request),
        });
        assert_eq!(rig.examine().await.last().unwrap().title, "You may create pods/portforward");
    }
}
