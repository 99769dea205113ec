//! Waiting for the manager, and finding out why it doesn't come.

use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_kube::Api;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::kind::POD;
use super::object::Object;
use super::survey::{get, list};
use super::{Step, limits};

/// What a pod waits for when all goes well.
const ORDINARY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Waits until every replica of a Deployment is of its present form and available.
///
/// # Errors
/// `rollout-failed`, which names the pod that doesn't start and why.
pub async fn available(api: &Api, deployment: &Object, limit: Duration, step: Step<'_>) -> Result<(), Fault> {
    let deadline = Instant::now() + limit;
    loop {
        let body = get(api, &deployment.path()).await?.unwrap_or_default();
        let Some(standing) = standing(&body) else { return Ok(()) };
        let trouble = match refused(&body) {
            Some(trouble) => Some(trouble),
            None => of_pods(&pods(api, &body, deployment).await?),
        };
        let told = trouble.map_or_else(|| standing.clone(), |trouble| format!("{standing}; {trouble}"));
        if Instant::now() >= deadline {
            return Err(failed(deployment, limit, &told));
        }
        step(&format!("waiting for the manager: {told}"));
        sleep(limits::LOOK).await;
    }
}

fn failed(deployment: &Object, limit: Duration, told: &str) -> Fault {
    let namespace = deployment.namespace().unwrap_or_default();
    let detail = format!("{deployment} was not available within {} s: {told}", limit.as_secs());
    let fix = format!(
        "See what happens with: kubectl describe pods -n {namespace}, and kubectl logs -n {namespace} deployment/{}",
        deployment.name()
    );
    Fault::new(Code::RolloutFailed, detail).with_fix(fix)
}

/// How far a Deployment is; nothing once it is done.
fn standing(deployment: &Value) -> Option<String> {
    let status = &deployment["status"];
    let number = |field: &str| status[field].as_u64().unwrap_or_default();
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    if status["observedGeneration"].as_u64() < deployment["metadata"]["generation"].as_u64() || deployment.is_null() {
        return Some("the cluster has not looked at it yet".to_owned());
    }
    let (updated, available) = (number("updatedReplicas"), number("availableReplicas"));
    let done = updated >= wanted && available >= wanted && number("replicas") <= updated;
    // Of an old and a new replica one is available all the time.
    let new = available.min(updated);
    (!done).then(|| format!("{new} of {wanted} new replicas available"))
}

/// Why no pod can be created, if none can.
fn refused(deployment: &Value) -> Option<String> {
    let mut conditions = deployment["status"]["conditions"].as_array()?.iter();
    let failure =
        conditions.find(|condition| condition["type"] == "ReplicaFailure" && condition["status"] == "True")?;
    failure["message"].as_str().map(str::to_owned)
}

async fn pods(api: &Api, deployment: &Value, object: &Object) -> Result<Vec<Object>, Fault> {
    let labels = deployment["spec"]["selector"]["matchLabels"].as_object();
    let selector = labels.into_iter().flatten().map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        format!("{}%3D{value}", name.replace('/', "%2F"))
    });
    list(api, &POD, object.namespace(), &selector.collect::<Vec<_>>().join("%2C")).await
}

/// What keeps the pod that is worst off.
fn of_pods(pods: &[Object]) -> Option<String> {
    // What keeps a pod of the former form is no news: it goes.
    let form = |pod: &Object| pod.label("pod-template-hash").to_owned();
    let youngest = pods.iter().max_by_key(|pod| pod.body["metadata"]["creationTimestamp"].as_str());
    let newest = youngest.map(form);
    let alive = pods.iter().filter(|pod| pod.body["metadata"]["deletionTimestamp"].is_null());
    let alive = alive.filter(|pod| Some(form(pod)) == newest);
    let mut troubles: Vec<(&str, Trouble)> = alive.filter_map(|pod| Some((pod.name(), of_pod(&pod.body)?))).collect();
    troubles.sort_by_key(|(_, trouble)| matches!(trouble, Trouble::Slow(_)));
    let (name, trouble) = troubles.into_iter().next()?;
    let (Trouble::Stuck(why) | Trouble::Slow(why)) = trouble;
    Some(format!("pod {name}: {why}"))
}

enum Trouble {
    /// Something has gone wrong.
    Stuck(String),
    /// Nothing has, but it isn't there yet.
    Slow(String),
}

fn of_pod(pod: &Value) -> Option<Trouble> {
    let status = &pod["status"];
    let condition = |name: &str| {
        let mut conditions = status["conditions"].as_array().into_iter().flatten();
        conditions.find(|condition| condition["type"] == name && condition["status"] == "False")
    };
    if let Some(unscheduled) = condition("PodScheduled") {
        return Some(Trouble::Stuck(said(unscheduled)));
    }
    let containers = ["initContainerStatuses", "containerStatuses"].map(|field| status[field].as_array());
    for container in containers.into_iter().flatten().flatten() {
        let waiting = &container["state"]["waiting"];
        let ended = [&container["state"]["terminated"], &container["lastState"]["terminated"]];
        let ended = ended.into_iter().find(|ended| ended["exitCode"].as_i64().is_some_and(|code| code != 0));
        match (waiting["reason"].as_str(), ended) {
            (_, Some(ended)) => {
                return Some(Trouble::Stuck(format!("exit code {}, {}", ended["exitCode"], said(ended))));
            }
            (Some(reason), None) if ORDINARY.contains(&reason) => return Some(Trouble::Slow(said(waiting))),
            (Some(_), None) => return Some(Trouble::Stuck(said(waiting))),
            (None, None) => {}
        }
    }
    condition("Ready").map(|unready| Trouble::Slow(said(unready)))
}

/// Reason and message, as far as there are any.
fn said(place: &Value) -> String {
    let texts = ["reason", "message"].map(|field| place[field].as_str().unwrap_or_default().trim());
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn when_a_deployment_is_done() {
        let standing = |generation: u64, status: Value| {
            standing(&json!({"metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": status}))
        };
        let done = json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(standing(3, done.clone()), None);
        assert_eq!(standing(4, done), Some("the cluster has not looked at it yet".to_owned()));
        let half = |counts: [u64; 3]| {
            let [replicas, updated, available] = counts;
            let status = json!({"observedGeneration": 3, "replicas": replicas, "updatedReplicas": updated,
                "availableReplicas": available});
            standing(3, status).unwrap()
        };
        assert_eq!(half([2, 2, 1]), "1 of 2 new replicas available");
        assert_eq!(half([3, 1, 2]), "1 of 2 new replicas available", "two old ones serve");
        assert_eq!(half([3, 2, 3]), "2 of 2 new replicas available", "an old one is still there");
        assert!(super::standing(&Value::Null).is_some());
    }

    #[test]
    fn the_worst_pod_is_named() {
        let pod = |name: &str, status: Value| Object {
            kind: &POD,
            body: json!({"metadata": {"name": name}, "status": status}),
        };
        let container = |state: Value| json!({"containerStatuses": [state]});
        let waiting =
            |reason: &str, message: &str| json!({"state": {"waiting": {"reason": reason, "message": message}}});
        let slow = pod("slow", container(waiting("ContainerCreating", "")));
        assert_eq!(of_pods(std::slice::from_ref(&slow)).unwrap(), "pod slow: ContainerCreating");

        let image = pod("image", container(waiting("ImagePullBackOff", "no such image")));
        assert_eq!(of_pods(&[slow.clone(), image]).unwrap(), "pod image: ImagePullBackOff: no such image");

        let mut crash = waiting("CrashLoopBackOff", "back-off 10s");
        crash["lastState"] = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
        assert_eq!(of_pods(&[pod("crash", container(crash))]).unwrap(), "pod crash: exit code 2, Error");

        let condition = |name: &str, reason: &str, message: &str| json!({"conditions": [{"type": name, "status": "False", "reason": reason, "message": message}]});
        let room = pod("room", condition("PodScheduled", "Unschedulable", "0/1 nodes are available"));
        assert_eq!(of_pods(&[slow, room]).unwrap(), "pod room: Unschedulable: 0/1 nodes are available");

        let unready = pod("unready", condition("Ready", "ContainersNotReady", ""));
        assert_eq!(of_pods(&[unready]).unwrap(), "pod unready: ContainersNotReady");

        let mut former = pod("former", container(waiting("ErrImagePull", "no such image")));
        former.set_label("pod-template-hash", "1");
        former.body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        let mut new = pod("new", container(waiting("ContainerCreating", "")));
        new.set_label("pod-template-hash", "2");
        new.body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:01Z".into();
        assert_eq!(of_pods(&[former, new]).unwrap(), "pod new: ContainerCreating");

        let mut gone = pod("gone", container(waiting("ImagePullBackOff", "")));
        gone.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(of_pods(&[gone]), None);
    }

    #[test]
    fn pods_that_may_not_be_made() {
        let condition = json!({"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"});
        let deployment = json!({"status": {"conditions": [{"type": "Available", "status": "False"}, condition]}});
        assert_eq!(refused(&deployment).as_deref(), Some("violates PodSecurity"));
        assert_eq!(refused(&json!({})), None);
    }
}
