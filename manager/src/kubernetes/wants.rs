//! What intercepts want of which pods.

use std::sync::Arc;

use hawser_api::{Intercept, InterceptPhase, InterceptSpec, WorkloadKind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::runtime::watcher::Config;
use parking_lot::RwLock;

use super::mirror::{Mirrors, follow, scopes};
use super::settings::{Place, Settings};

/// The label by which a Deployment tells its ReplicaSets apart: they are named after it and this.
const HASH: &str = "pod-template-hash";

/// All intercepts of this manager's sessions that are, or may come to be, in force.
pub struct Wants {
    held: RwLock<Mirrors<Held>>,
    /// The manager's.
    namespace: String,
}

/// What is kept of an intercept.
#[derive(Clone, PartialEq)]
struct Held {
    namespace: String,
    /// Whether it was decided that the workload's pods get an agent.
    is_decided: bool,
    spec: InterceptSpec,
}

impl Wants {
    /// Begins to follow them.
    pub fn follow(client: &Client, settings: &Settings, place: &Place) -> Arc<Self> {
        let scopes = scopes::<Intercept>(client, &settings.namespaces);
        let held = RwLock::new(Mirrors::of(scopes.len()));
        let wants = Arc::new(Self { held, namespace: place.namespace.clone() });
        for (scope, api) in scopes.into_iter().enumerate() {
            let wants = wants.clone();
            tokio::spawn(async move {
                let told = |event| {
                    wants.held.write().take(scope, event, held_of);
                };
                follow(api, Config::default(), told).await;
            });
        }
        wants
    }

    /// What is intercepted of pods with these owners. `undecided`: also what nobody has decided on yet.
    pub fn of(&self, namespace: &str, owners: &[Owner], undecided: bool) -> Vec<InterceptSpec> {
        let held = self.held.read();
        let is_meant = |held: &&Held| {
            let workload = &held.spec.workload;
            held.namespace == namespace
                && (held.is_decided || undecided)
                && self.is_ours(&held.spec)
                && owners.iter().any(|(kind, name)| *kind == workload.kind && *name == workload.name)
        };
        held.values().filter(is_meant).map(|held| held.spec.clone()).collect()
    }

    fn is_ours(&self, spec: &InterceptSpec) -> bool {
        spec.session_namespace.as_ref().is_none_or(|namespace| *namespace == self.namespace)
    }
}

/// What a pod belongs to.
pub type Owner = (WorkloadKind, String);

/// What a pod belongs to, near and far. It may just be about to be made.
pub fn owners(pod: &ObjectMeta) -> Vec<Owner> {
    let references = pod.owner_references.as_ref();
    let Some(owner) = references.into_iter().flatten().find(|owner| owner.controller == Some(true)) else {
        return Vec::new();
    };
    match owner.kind.as_str() {
        "StatefulSet" => vec![(WorkloadKind::StatefulSet, owner.name.clone())],
        "ReplicaSet" => {
            let hash = pod.labels.as_ref().and_then(|labels| labels.get(HASH));
            let deployment = hash.and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
            let deployment = deployment.map(|name| (WorkloadKind::Deployment, name.to_owned()));
            deployment.into_iter().chain([(WorkloadKind::ReplicaSet, owner.name.clone())]).collect()
        }
        _ => Vec::new(),
    }
}

fn held_of(intercept: &Intercept) -> Option<Held> {
    let phase = intercept.status.as_ref().and_then(|status| status.phase);
    let is_over = matches!(phase, Some(InterceptPhase::Refused | InterceptPhase::Ending));
    if is_over || intercept.metadata.deletion_timestamp.is_some() {
        return None;
    }
    Some(Held {
        namespace: intercept.metadata.namespace.clone()?,
        is_decided: phase.is_some_and(|phase| phase != InterceptPhase::Pending),
        spec: intercept.spec.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    fn pod(kind: &str, name: &str, hash: &str) -> ObjectMeta {
        serde_json::from_value(json!({
            "labels": { "pod-template-hash": hash },
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "Node", "name": "other", "uid": "" },
                { "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "", "controller": true },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_belongs_to_its_replica_set_and_that_to_its_deployment() {
        let deployment = || (WorkloadKind::Deployment, "my-web".to_owned());
        let set = |name: &str| (WorkloadKind::ReplicaSet, name.to_owned());
        assert_eq!(owners(&pod("ReplicaSet", "my-web-6d5f", "6d5f")), [deployment(), set("my-web-6d5f")]);
        assert_eq!(owners(&pod("ReplicaSet", "my-web", "6d5f")), [set("my-web")]);
        assert_eq!(owners(&pod("StatefulSet", "db", "")), [(WorkloadKind::StatefulSet, "db".to_owned())]);
        assert_eq!(owners(&pod("Job", "once", "")), []);
        assert_eq!(owners(&ObjectMeta::default()), []);
    }

    #[test]
    fn only_what_is_decided_and_of_our_sessions_is_wanted() {
        let intercept = |name: &str, phase: Option<&str>, manager: Option<&str>| -> Intercept {
            let mut intercept = json!({
                "apiVersion": "hawser.dev/v1alpha1", "kind": "Intercept",
                "metadata": { "name": name, "namespace": "shop" },
                "spec": { "user": "ann", "session": name, "mode": "ingest", "workload": { "kind": "StatefulSet", "name": "db" } },
                "status": { "phase": phase },
            });
            if let Some(manager) = manager {
                intercept["spec"]["sessionNamespace"] = manager.into();
            }
            serde_json::from_value(intercept).unwrap()
        };
        let wants = Wants { held: RwLock::new(Mirrors::of(1)), namespace: "hawser".to_owned() };
        for intercept in [
            intercept("new", None, None),
            intercept("pending", Some("Pending"), Some("hawser")),
            intercept("preparing", Some("Preparing"), Some("hawser")),
            intercept("active", Some("Active"), None),
            intercept("waiting", Some("Waiting"), None),
            intercept("refused", Some("Refused"), None),
            intercept("ending", Some("Ending"), None),
            intercept("another", Some("Active"), Some("hawser-2")),
        ] {
            wants.held.write().take(0, Event::Apply(intercept), held_of);
        }
        let wanted = |namespace, name: &str, undecided| {
            let owners = [(WorkloadKind::StatefulSet, name.to_owned())];
            let specs = wants.of(namespace, &owners, undecided);
            specs.into_iter().map(|spec| spec.session).collect::<Vec<_>>()
        };
        assert_eq!(wanted("shop", "db", false), ["active", "preparing", "waiting"]);
        assert_eq!(wanted("shop", "db", true), ["active", "new", "pending", "preparing", "waiting"]);
        assert!(wanted("shop", "web", true).is_empty() && wanted("other", "db", true).is_empty());
    }
}
