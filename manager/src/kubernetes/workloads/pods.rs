//! A workload's pods.

use std::net::IpAddr;

use hawser_fault::Fault;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::core::Selector;
use kube::{Api, Client, ResourceExt as _};

use super::loaded::{Loaded, refused};
use crate::injection::{AGENT, Present, REDIRECT, Want, present};
use crate::kubernetes::wants::owners;

/// What intercepts have to know of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodInfo {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its first address, once it has one.
    pub address: Option<IpAddr>,
    /// Whether it takes traffic.
    pub ready: bool,
    /// Its agent.
    pub agent: Option<Present>,
    /// Why one of its containers doesn't start.
    pub problem: Option<Problem>,
}

/// A container that doesn't start, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    container: String,
    reason: String,
    message: String,
}

impl Problem {
    /// Whether it's a container of ours, and waiting won't help it.
    pub fn is_ours_and_stays(&self) -> bool {
        [AGENT, REDIRECT].contains(&self.container.as_str()) && STAYS.contains(&self.reason.as_str())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "container {}: {} {}", self.container, self.reason, self.message)
    }
}

/// Reasons that hold until somebody changes something. A failed pull alone isn't one: its repetition is.
const STAYS: [&str; 5] =
    ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"];
/// Reasons that every container has for a moment.
const PASSES: [&str; 2] = ["PodInitializing", "ContainerCreating"];

impl PodInfo {
    /// Whether it can't do what is wanted of it.
    pub fn lacks(&self, want: &Want) -> bool {
        self.agent.as_ref().is_none_or(|agent| !agent.satisfies(want))
    }
}

/// The workload's pods that are neither ended nor about to.
pub async fn of(client: &Client, loaded: &Loaded) -> Result<Vec<PodInfo>, Fault> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &loaded.namespace);
    let selector = Selector::try_from(loaded.selector.clone()).unwrap_or_default();
    let pods = api
        .list(&ListParams::default().labels_from(&selector))
        .await
        .map_err(|error| refused(&loaded.namespace, &loaded.workload, &error))?;
    let owner = loaded.owner();
    Ok(pods.items.iter().filter(|pod| owners(&pod.metadata).contains(&owner)).filter_map(info).collect())
}

/// Whether it is neither ended nor about to.
pub fn lives(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Failed" | "Succeeded"))
}

/// What there is to know of a pod; `None` of one that is ended or about to.
pub fn info(pod: &Pod) -> Option<PodInfo> {
    if !lives(pod) {
        return None;
    }
    let status = pod.status.clone().unwrap_or_default();
    let mut conditions = status.conditions.iter().flatten();
    let containers = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let mut waiting = containers.filter_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.clone().filter(|reason| !PASSES.contains(&reason.as_str()))?;
        let message = waiting.message.clone().unwrap_or_default();
        Some(Problem { container: container.name.clone(), reason, message })
    });
    Some(PodInfo {
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        address: status.pod_ip.as_ref().and_then(|address| address.parse().ok()),
        ready: conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        agent: present(pod),
        problem: waiting.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "web-1", "uid": "u" },
            "spec": { "containers": [{ "name": "web" }] },
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_says_whether_it_is_ready_and_why_not() {
        let ready =
            json!({ "phase": "Running", "podIP": "10.0.0.7", "conditions": [{ "type": "Ready", "status": "True" }] });
        let ready = info(&pod(ready)).unwrap();
        assert!(ready.ready && ready.problem.is_none() && ready.agent.is_none() && ready.lacks(&Want::default()));
        assert_eq!(ready.address, Some([10, 0, 0, 7].into()));
        let waiting = |name, reason| {
            json!({ "name": name, "ready": false, "restartCount": 0, "image": "", "imageID": "",
            "state": { "waiting": { "reason": reason, "message": "of the registry" } } })
        };
        let stuck = |name, reason| {
            let stuck = json!({ "phase": "Pending", "containerStatuses": [waiting("web", "PodInitializing")],
                "initContainerStatuses": [waiting(name, reason)] });
            info(&pod(stuck)).unwrap().problem.unwrap()
        };
        let pulling = stuck("hawser-agent", "ErrImagePull");
        assert_eq!(pulling.to_string(), "container hawser-agent: ErrImagePull of the registry");
        assert!(!pulling.is_ours_and_stays());
        assert!(stuck("hawser-agent", "ImagePullBackOff").is_ours_and_stays());
        assert!(!stuck("web", "ImagePullBackOff").is_ours_and_stays());
        assert_eq!(info(&pod(json!({ "phase": "Failed" }))), None);
    }
}
