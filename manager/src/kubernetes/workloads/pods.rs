//! A workload's pods.

use std::net::IpAddr;

use hawser_fault::Fault;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::core::Selector;
use kube::{Api, Client, ResourceExt as _};

use super::loaded::{Loaded, refused};
use crate::injection::{Present, Want, present};
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
    /// Why one of its containers doesn't start, in Kubernetes' words.
    pub problem: Option<String>,
}

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

fn info(pod: &Pod) -> Option<PodInfo> {
    let status = pod.status.clone().unwrap_or_default();
    if pod.metadata.deletion_timestamp.is_some() || matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")) {
        return None;
    }
    let mut conditions = status.conditions.iter().flatten();
    let containers = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let mut waiting = containers.filter_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason =
            waiting.reason.as_deref().filter(|reason| !matches!(*reason, "PodInitializing" | "ContainerCreating"))?;
        let message = waiting.message.as_deref().unwrap_or_default();
        Some(format!("container {}: {reason} {message}", container.name).trim_end().to_owned())
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
        let stuck = json!({ "phase": "Pending", "containerStatuses": [waiting("web", "PodInitializing")],
            "initContainerStatuses": [waiting("hawser-agent", "ErrImagePull")] });
        let stuck = info(&pod(stuck)).unwrap();
        assert!(!stuck.ready);
        assert_eq!(stuck.problem.unwrap(), "container hawser-agent: ErrImagePull of the registry");
        assert_eq!(info(&pod(json!({ "phase": "Failed" }))), None);
    }
}
