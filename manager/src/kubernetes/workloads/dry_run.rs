//! A pod that is created as a dry run: what admission says of it, and whether the webhook is asked at all.

use hawser_fault::{Code, Fault};
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::core::Status;
use kube::{Api, Client};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use crate::injection::{ANNOTATION, ENABLED, Want, present};
use crate::limits;

/// Creates the pod, which is to come back with an agent.
///
/// # Errors
/// `pod-refused` if admission says no, `webhook-unreachable` if it comes back as it was, `rights-missing`, `api-refused`.
pub async fn create(client: &Client, namespace: &str, pod: &Pod, want: &Want) -> Result<(), Fault> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let deadline = Instant::now() + limits::WEBHOOK_PROOF;
    loop {
        let created = timeout_at(deadline, api.create(&parameters, pod)).await;
        match created {
            Ok(Ok(created)) if present(&created).is_some_and(|agent| agent.satisfies(want)) => return Ok(()),
            // A replica may be asked that has not heard of the intercept yet.
            Ok(Ok(_)) if Instant::now() < deadline => sleep(limits::LOOK_AGAIN).await,
            Ok(Ok(_)) | Err(_) => return Err(unreachable(namespace)),
            Ok(Err(error)) => return Err(refused(namespace, &error)),
        }
    }
}

/// A pod that asks for an agent and that even a restricted namespace takes.
pub fn willing() -> Pod {
    let resources = json!({ "cpu": "1m", "memory": "1Mi" });
    let pod = json!({
        "metadata": { "generateName": "hawser-check-", "annotations": { ANNOTATION: ENABLED } },
        "spec": {
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65_532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "check", "image": "hawser.invalid/check:0",
                "resources": { "requests": resources, "limits": resources },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    });
    serde_json::from_value(pod).unwrap_or_default()
}

fn unreachable(namespace: &str) -> Fault {
    let detail = format!(
        "a pod that was created in namespace {namespace} as a dry run came without an agent: the API server did not ask the \
         manager within {} s",
        limits::WEBHOOK_PROOF.as_secs()
    );
    Fault::new(Code::WebhookUnreachable, detail)
}

fn refused(namespace: &str, error: &kube::Error) -> Fault {
    let detail = |text: &str| format!("a pod with an agent in namespace {namespace}: {text}");
    match error {
        kube::Error::Api(status) if is_right_missing(status) => {
            Fault::new(Code::RightsMissing, detail(&status.message))
        }
        kube::Error::Api(status) if (400..500).contains(&status.code) => {
            Fault::new(Code::PodRefused, detail(&status.message))
        }
        error => Fault::new(Code::ApiRefused, detail(&error.to_string())),
    }
}

/// Authorization names no pod, admission does: both answer 403.
fn is_right_missing(status: &Status) -> bool {
    let name = status.details.as_ref().map(|details| details.name.as_str()).unwrap_or_default();
    status.code == 403 && name.is_empty() && status.message.contains("cannot create resource")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_that_is_tried_asks_for_an_agent() {
        let pod = willing();
        assert_eq!(pod.metadata.annotations.unwrap()[ANNOTATION], ENABLED);
        assert_eq!(pod.spec.unwrap().containers.len(), 1);
    }

    #[test]
    fn admission_s_no_is_told_from_a_missing_right() {
        let code = |code, message: &str| {
            let status = Status { code, message: message.to_owned(), ..Status::default() };
            refused("shop", &kube::Error::Api(Box::new(status))).code
        };
        let right =
            "pods is forbidden: User \"x\" cannot create resource \"pods\" in API group \"\" in the namespace \"shop\"";
        assert_eq!(code(403, right), Code::RightsMissing);
        assert_eq!(code(403, "pods \"a\" is forbidden: exceeded quota: small, requested: pods=1"), Code::PodRefused);
        assert_eq!(code(422, "Pod \"a\" is invalid: spec.containers[0].name"), Code::PodRefused);
        assert_eq!(code(500, "etcdserver: request timed out"), Code::ApiRefused);
        assert_eq!(unreachable("shop").code, Code::WebhookUnreachable);
    }
}
