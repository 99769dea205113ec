//! Which workloads' pods have an agent already.

use std::collections::HashMap;

use k8s_openapi::api::core::v1;
use kube::ResourceExt as _;

use crate::injection::resolution::kind;
use crate::injection::{Present, Want, present};
use crate::kubernetes::wants::{Owner, owners};
use crate::kubernetes::workloads::lives;

/// What is kept of a pod that is neither ended nor about to.
#[derive(Clone, PartialEq)]
pub struct Pod {
    namespace: String,
    owners: Vec<Owner>,
    agent: Option<Present>,
}

impl Pod {
    /// Of a pod that belongs to a workload.
    pub fn of(pod: &v1::Pod) -> Option<Self> {
        let owners = owners(&pod.metadata);
        if owners.is_empty() || !lives(pod) {
            return None;
        }
        Some(Self { namespace: pod.namespace()?, owners, agent: present(pod) })
    }
}

/// The agents of all workloads' pods: by namespace, kind and name. `None` stands for a pod that has none.
pub struct Agents<'a>(HashMap<(&'a str, &'a str, &'a str), Vec<Option<&'a Present>>>);

impl<'a> Agents<'a> {
    /// Those of these pods.
    pub fn of(pods: impl Iterator<Item = &'a Pod>) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for pod in pods {
            for (owner, name) in &pod.owners {
                let workload = (pod.namespace.as_str(), kind(*owner), name.as_str());
                all.entry(workload).or_default().push(pod.agent.as_ref());
            }
        }
        Self(all)
    }

    /// Whether the workload has pods, and each has an agent that can do what is wanted.
    pub fn can(&self, workload: (&str, &str, &str), want: impl FnOnce() -> Want) -> bool {
        let Some(agents) = self.0.get(&workload).filter(|agents| agents.iter().all(Option::is_some)) else {
            return false;
        };
        let want = want();
        agents.iter().flatten().all(|agent| agent.satisfies(&want))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::injection::{HandOver, Port};
    use hawser_tunnel::agent::{self, Config};
    use serde_json::{Value, json};

    /// Of the Deployment `web`.
    fn pod(containers: &Value, more: &Value) -> Option<Pod> {
        let mut pod = json!({
            "metadata": {
                "name": "web-6d5f-x", "namespace": "shop", "labels": { "pod-template-hash": "6d5f" },
                "ownerReferences": [
                    { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d5f", "uid": "", "controller": true },
                ],
            },
            "spec": { "containers": containers },
        });
        json_patch::merge(&mut pod, more);
        Pod::of(&serde_json::from_value(pod).unwrap())
    }

    fn bare() -> Option<Pod> {
        pod(&json!([{ "name": "web" }]), &json!({}))
    }

    /// One whose agent stands before 8080 by its name.
    fn carrying() -> Option<Pod> {
        let config = Config { ports: vec![agent::Port { listen: 41_000, app: 8080, udp: false }], ..Config::default() };
        let config = serde_json::to_string(&config).unwrap();
        let agent = json!({ "name": "hawser-agent", "env": [{ "name": agent::CONFIG, "value": config }] });
        pod(&json!([{ "name": "web" }, agent]), &json!({}))
    }

    fn can(pods: &[Option<Pod>], hand_over: Option<HandOver>) -> bool {
        let pods: Vec<Pod> = pods.iter().flatten().cloned().collect();
        let ports = hand_over.map(|hand_over| (Port { number: 8080, udp: false }, hand_over)).into_iter().collect();
        let want = Want { ports, ..Want::default() };
        Agents::of(pods.iter()).can(("shop", "Deployment", "web"), || want)
    }

    #[test]
    fn each_pod_needs_an_agent_that_can_do_it() {
        let by_name = Some(HandOver::Rename);
        assert!(can(&[carrying(), carrying()], by_name) && can(&[carrying()], None));
        assert!(!can(&[carrying(), bare()], by_name), "one pod has none");
        assert!(!can(&[carrying()], Some(HandOver::Redirect)), "clients come by the number");
        assert!(!can(&[], None), "it has no pods");
        let agents = [carrying().unwrap()];
        assert!(!Agents::of(agents.iter()).can(("other", "Deployment", "web"), Want::default));
    }

    #[test]
    fn pods_that_end_or_belong_to_nothing_do_not_count() {
        let web = json!([{ "name": "web" }]);
        assert!(bare().is_some());
        assert!(pod(&web, &json!({ "status": { "phase": "Succeeded" } })).is_none());
        assert!(pod(&web, &json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } })).is_none());
        assert!(pod(&web, &json!({ "metadata": { "ownerReferences": null } })).is_none());
    }
}
