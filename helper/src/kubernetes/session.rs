//! The connection's session: made as the user, answered by the manager.

use std::time::Duration;

use hawser_api::{ADMITTED, Client, Condition, ConditionStatus, Replica, Session, SessionPhase, SessionSpec};
use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, Body};
use hawser_tunnel::identity::Pin;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::limits;
use crate::store::desired::Kubernetes;

/// The replicas that let the connection with this key in. Makes the session if it isn't there.
pub async fn admitted(
    api: &Api,
    cluster: &Kubernetes,
    key: Pin,
    step: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Replica>, Fault> {
    step(&format!("asking {} for the session", api.address()));
    let namespace = &cluster.manager_namespace;
    let session = match api.request(Method::GET, &path(namespace, &name(key)), None).await {
        Ok(session) => session,
        Err(ApiError::Refused { status: 404, message, .. }) if !is_kind_unknown(&message) => {
            create(api, cluster, key).await?
        }
        Err(error) => return Err(explain(error, cluster)),
    };
    if let Some(replicas) = ready(&session) {
        return Ok(replicas);
    }
    if let Some(fault) = refused(&session) {
        return Err(fault);
    }
    step(&format!("waiting for the manager in {namespace} to answer"));
    match timeout(limits::SESSION_ANSWER, watch(api, cluster, &session)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let seconds = limits::SESSION_ANSWER.as_secs();
            let detail = format!("no manager in the namespace {namespace} answered the session within {seconds} s");
            Err(Fault::new(Code::ManagerAbsent, detail)
                .with_fix(format!("See how it is with: kubectl get pods --namespace {namespace}")))
        }
    }
}

/// Deletes the session of this key. One that isn't there is no error.
pub async fn delete(api: &Api, namespace: &str, key: Pin) -> Result<(), ApiError> {
    match api.request::<Value>(Method::DELETE, &path(namespace, &name(key)), None).await {
        Ok(_) | Err(ApiError::Refused { status: 404, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn create(api: &Api, cluster: &Kubernetes, key: Pin) -> Result<Session, Fault> {
    let user = api.user().await.map_err(|error| explain(error, cluster))?;
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let spec = SessionSpec {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        key: key.to_string(),
        namespace: cluster.namespace.clone(),
        client: Client { host, version: env!("CARGO_PKG_VERSION").to_owned() },
    };
    let session = Session::new(&name(key), spec);
    let created = api.request(Method::POST, &path(&cluster.manager_namespace, ""), Some(Body::json(&session))).await;
    created.map_err(|error| explain(error, cluster))
}

/// Follows the session until the manager has answered it.
async fn watch(api: &Api, cluster: &Kubernetes, session: &Session) -> Result<Vec<Replica>, Fault> {
    #[derive(Deserialize)]
    struct Event {
        object: Value,
    }
    let name = session.metadata.name.clone().unwrap_or_default();
    let mut version = session.metadata.resource_version.clone().unwrap_or_default();
    loop {
        let query = format!("?watch=true&fieldSelector=metadata.name={name}&resourceVersion={version}");
        let path = path(&cluster.manager_namespace, "") + &query;
        let mut events = api.watch::<Event>(&path).await.map_err(|error| explain(error, cluster))?;
        while let Some(event) = events.next().await.map_err(Fault::from)? {
            let Ok(session) = serde_json::from_value::<Session>(event.object) else { break };
            if let Some(replicas) = ready(&session) {
                return Ok(replicas);
            }
            if let Some(fault) = refused(&session) {
                return Err(fault);
            }
            version = session.metadata.resource_version.unwrap_or_default();
        }
        // The server ended the watch: it does now and then, and at once if the version is too old.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn ready(session: &Session) -> Option<Vec<Replica>> {
    let status = session.status.as_ref().filter(|status| status.phase == Some(SessionPhase::Ready))?;
    (!status.replicas.is_empty()).then(|| status.replicas.clone())
}

/// Why no manager lets it in, if one says so.
fn refused(session: &Session) -> Option<Fault> {
    let mut conditions = session.status.as_ref()?.conditions.iter();
    let condition =
        conditions.find(|condition| condition.type_ == ADMITTED && condition.status == ConditionStatus::False)?;
    Some(said(condition, Code::SessionRefused))
}

/// What a condition says that is not as it should be; `otherwise` is the code of one that has none.
pub fn said(condition: &Condition, otherwise: Code) -> Fault {
    let code = condition.code.as_deref().and_then(Code::parse).unwrap_or(otherwise);
    let fault = Fault::new(code, condition.message.clone());
    match &condition.fix {
        Some(fix) => fault.with_fix(fix.clone()),
        None => fault,
    }
}

/// The same for every attempt with the same key, so that a helper that comes back finds its session.
pub fn name(key: Pin) -> String {
    let digits = key.to_string();
    format!("laptop-{}", &digits["sha256:".len()..][..20])
}

fn path(namespace: &str, name: &str) -> String {
    let base = format!("/apis/hawser.dev/v1alpha1/namespaces/{namespace}/sessions");
    if name.is_empty() { base } else { format!("{base}/{name}") }
}

/// Kubernetes' words for a path that it knows nothing of: the resources are not installed.
pub fn is_kind_unknown(message: &str) -> bool {
    message.contains("could not find the requested resource") || message.contains("page not found")
}

fn explain(error: ApiError, cluster: &Kubernetes) -> Fault {
    let namespace = &cluster.manager_namespace;
    let ApiError::Refused { status, message, .. } = &error else { return error.into() };
    match status {
        404 => {
            let detail = format!("{} has no traffic manager in the namespace {namespace}: {message}", cluster.server);
            Fault::new(Code::ManagerAbsent, detail)
        }
        403 if message.contains("ValidatingAdmissionPolicy") => {
            Fault::new(Code::SessionRefused, format!("the cluster refuses the session: {message}"))
        }
        403 if message.contains("cannot impersonate") => Fault::new(Code::RightsMissing, message.clone()).with_fix(
            "Leave --as away, or as in the kubeconfig; or ask an administrator for the verb impersonate on whom it names.",
        ),
        403 => {
            let fix = format!(
                "An administrator grants it with: kubectl create rolebinding hawser-user --namespace {namespace} \
                 --role=hawser-user --user=YOU"
            );
            let fix = match user_in(message) {
                Some(user) => fix.replace("YOU", &format!("{user:?}")),
                None => fix,
            };
            Fault::new(Code::RightsMissing, message.clone()).with_fix(fix)
        }
        409 | 422 => Fault::new(Code::SessionRefused, format!("the cluster refuses the session: {message}")),
        _ => error.into(),
    }
}

/// Whom a refusal names: `User "dev" cannot create resource ...`.
pub fn user_in(message: &str) -> Option<&str> {
    message.split_once("User \"")?.1.split_once('"').map(|(user, _)| user)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Kubernetes {
        Kubernetes {
            profile: String::new(),
            server: "api:6443".to_owned(),
            context: "rig".to_owned(),
            namespace: "default".to_owned(),
            manager_namespace: "hawser".to_owned(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        }
    }

    #[test]
    fn each_refusal_says_what_is_missing() {
        let explained = |status, message: &str| {
            let error = ApiError::Refused { status, reason: String::new(), message: message.to_owned() };
            explain(error, &cluster())
        };
        let message = r#"sessions.hawser.dev is forbidden: User "dev" cannot create resource "sessions""#;
        let fault = explained(403, message);
        assert_eq!(fault.code, Code::RightsMissing);
        assert!(fault.fix.ends_with(r#"--namespace hawser --role=hawser-user --user="dev""#), "{}", fault.fix);
        let fault = explained(403, r#"users "ann" is forbidden: User "dev" cannot impersonate resource "users""#);
        assert!(fault.code == Code::RightsMissing && fault.fix.contains("--as"), "{}", fault.fix);
        assert_eq!(explained(404, "the server could not find the requested resource").code, Code::ManagerAbsent);
        assert_eq!(explained(401, "Unauthorized").code, Code::LoginRequired);
        assert_eq!(explained(403, "ValidatingAdmissionPolicy 'x' denied").code, Code::SessionRefused);
        assert_eq!(explained(422, "spec.key: Invalid value").code, Code::SessionRefused);
        assert_eq!(explained(500, "etcd is gone").code, Code::ApiRefused);
    }

    #[test]
    fn a_key_has_one_session() {
        let key: Pin = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        assert_eq!(name(key), "laptop-abababababababababab");
        assert_eq!(path("hawser", &name(key)).rsplit('/').nth(1), Some("sessions"));
    }
}
