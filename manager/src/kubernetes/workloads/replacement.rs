//! Pods are made anew by evicting them, so that PodDisruptionBudgets are kept.

use hawser_fault::{Code, Fault};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, EvictParams, PostParams, Preconditions};
use kube::{Api, Client};
use tokio::time::{Instant, sleep};

use super::loaded::Loaded;
use super::pods::{self, PodInfo};
use crate::injection::resolution::kind;
use crate::limits;

/// Says of a pod that it is to be made anew.
pub type IsDue<'a> = &'a (dyn Fn(&PodInfo) -> bool + Sync);

/// Evicts the pods that are due, one after the other, until none is.
pub async fn replace(client: &Client, loaded: &Loaded, is_due: IsDue<'_>) -> Result<(), Fault> {
    let mut present = pods::of(client, loaded).await?;
    // Fewer than it had if it is to have fewer.
    let ready = present.iter().filter(|pod| pod.ready).count().min(loaded.replicas);
    for _ in 0..present.len() + limits::EVICTIONS_MORE {
        let Some(due) = present.iter().find(|pod| is_due(pod)) else { return Ok(()) };
        evict(client, &loaded.namespace, due).await?;
        present = succeeded(client, loaded, &due.uid, ready).await?;
    }
    match present.iter().find(|pod| is_due(pod)) {
        Some(pod) => Err(not_ready(loaded, &format!("pod {} still is as it was", pod.name))),
        None => Ok(()),
    }
}

/// Finds out whether the pod could be evicted now.
///
/// # Errors
/// `eviction-blocked`, `rights-missing`, `api-refused`.
pub async fn try_to_evict(client: &Client, namespace: &str, pod: &PodInfo) -> Result<(), Fault> {
    let parameters = EvictParams { post_options: PostParams { dry_run: true, ..PostParams::default() }, ..of(pod) };
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    match api.evict(&pod.name, &parameters).await {
        Ok(_) => Ok(()),
        Err(error) => verdict(pod, &error).unwrap_or(Ok(())),
    }
}

async fn evict(client: &Client, namespace: &str, pod: &PodInfo) -> Result<(), Fault> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let deadline = Instant::now() + limits::EVICTION_WAIT;
    loop {
        let Err(error) = api.evict(&pod.name, &of(pod)).await else { return Ok(()) };
        match verdict(pod, &error) {
            None => return Ok(()),
            Some(Err(fault)) if fault.code == Code::EvictionBlocked && Instant::now() < deadline => {
                sleep(limits::EVICT_AGAIN).await;
            }
            Some(outcome) => return outcome,
        }
    }
}

/// This very pod, and no successor of the same name.
fn of(pod: &PodInfo) -> EvictParams {
    let preconditions = Preconditions { uid: Some(pod.uid.clone()), ..Preconditions::default() };
    let delete_options = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    EvictParams { delete_options: Some(delete_options), ..EvictParams::default() }
}

/// What the API server's no means; nothing if the pod isn't there any more.
///
/// Source: <https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/#how-api-initiated-eviction-works>
fn verdict(pod: &PodInfo, error: &kube::Error) -> Option<Result<(), Fault>> {
    let detail = |text: &str| format!("the eviction of pod {}: {text}", pod.name);
    let fault = match error {
        kube::Error::Api(status) => match status.code {
            404 | 409 => return None,
            429 => Fault::new(Code::EvictionBlocked, detail(&status.message)),
            403 => Fault::new(Code::RightsMissing, detail(&status.message)),
            _ => Fault::new(Code::ApiRefused, detail(&status.message)),
        },
        error => Fault::new(Code::ApiRefused, detail(&error.to_string())),
    };
    Some(Err(fault))
}

/// Waits until the pod is gone and as many are ready as were. Gives those that there are then.
async fn succeeded(client: &Client, loaded: &Loaded, gone: &str, ready: usize) -> Result<Vec<PodInfo>, Fault> {
    let deadline = Instant::now() + limits::READY_WAIT;
    loop {
        let present = pods::of(client, loaded).await?;
        let is_gone = present.iter().all(|pod| pod.uid != gone);
        if is_gone && present.iter().filter(|pod| pod.ready).count() >= ready {
            return Ok(present);
        }
        let mut problems = present.iter().filter_map(|pod| Some((pod, pod.problem.as_ref()?)));
        let hopeless = problems.clone().find(|(_, problem)| problem.is_ours_and_stays());
        if hopeless.is_some() || Instant::now() > deadline {
            let told =
                hopeless.or_else(|| problems.next()).map(|(pod, problem)| format!("pod {}: {problem}", pod.name));
            return Err(not_ready(loaded, &told.unwrap_or_else(|| "no pod says why".to_owned())));
        }
        sleep(limits::LOOK_AGAIN).await;
    }
}

fn not_ready(loaded: &Loaded, why: &str) -> Fault {
    let workload = &loaded.workload;
    let detail = format!("{} {} in namespace {}: {why}", kind(workload.kind), workload.name, loaded.namespace);
    let fix = format!("See why with: kubectl describe pods -n {}", loaded.namespace);
    Fault::new(Code::PodsNotReady, detail).with_fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn a_budget_is_told_from_a_pod_that_is_gone() {
        let pod = PodInfo {
            name: "web-1".to_owned(),
            uid: "u".to_owned(),
            address: None,
            ready: true,
            agent: None,
            problem: None,
        };
        let code = |code| {
            let status = Status { code, ..Status::default() };
            verdict(&pod, &kube::Error::Api(Box::new(status))).map(|outcome| outcome.unwrap_err().code)
        };
        assert_eq!((code(404), code(409)), (None, None));
        assert_eq!(code(429), Some(Code::EvictionBlocked));
        assert_eq!((code(403), code(500)), (Some(Code::RightsMissing), Some(Code::ApiRefused)));
    }
}
