//! The logs of the managers in a namespace. Reading them is no right that connecting needs; who doesn't have it goes without.

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError};
use http::Method;
use serde::Deserialize;
use tokio::time::timeout;

use super::{Bundle, limits};

/// The chart's own labels.
const SELECTOR: &str = "app.kubernetes.io/name%3Dhawser%2Capp.kubernetes.io/component%3Dmanager";

/// As much of a v1 PodList as is needed.
#[derive(Deserialize)]
struct Pods {
    items: Vec<Pod>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    container_statuses: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    restart_count: u32,
}

pub(super) async fn gather(bundle: &mut Bundle, api: &Api, namespace: &str) {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={SELECTOR}&limit={}", limits::PODS);
    let pods = match within(api.request::<Pods>(Method::GET, &path, None)).await {
        Ok(pods) if pods.items.is_empty() => {
            let detail = format!("there is no pod of a manager in the namespace {namespace}");
            return bundle.lacks("manager/", &Fault::new(Code::ManagerAbsent, detail));
        }
        Ok(pods) => pods.items,
        Err(fault) => return bundle.lacks("manager/", &explain(fault, namespace)),
    };
    for Pod { metadata: Metadata { name: pod }, status } in pods {
        let log = log(api, namespace, &pod, "false").await;
        bundle.text_or(&format!("manager/{pod}.log"), log.map_err(|fault| explain(fault, namespace)));
        if status.container_statuses.iter().any(|container| container.restart_count > 0) {
            let log = self::log(api, namespace, &pod, "true").await;
            bundle.text_or(&format!("manager/{pod}.before.log"), log);
        }
    }
}

/// The end of a pod's log; `previous` is that of the container before this one.
async fn log(api: &Api, namespace: &str, pod: &str, previous: &str) -> Result<String, Fault> {
    let path = format!(
        "/api/v1/namespaces/{namespace}/pods/{pod}/log?container=manager&previous={previous}&tailLines={}&limitBytes={}",
        limits::POD_LINES,
        limits::POD_BYTES
    );
    let answer = within(api.answer(Method::GET, &path, None)).await?;
    Ok(String::from_utf8_lossy(&answer.bytes).into_owned())
}

async fn within<T>(work: impl Future<Output = Result<T, ApiError>>) -> Result<T, Fault> {
    let seconds = limits::STEP.as_secs();
    let silent = || Fault::new(Code::ApiUnreachable, format!("the API server did not answer within {seconds} s"));
    timeout(limits::STEP, work).await.map_or_else(|_| Err(silent()), |outcome| outcome.map_err(Fault::from))
}

fn explain(fault: Fault, namespace: &str) -> Fault {
    match fault.code {
        Code::RightsMissing => fault.with_fix(format!(
            "An administrator reads them with: kubectl -n {namespace} logs -l app.kubernetes.io/name=hawser --prefix"
        )),
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing::{Reply, Rig};
    use crate::gather::Redactor;

    async fn gathered(rig: &Rig) -> Bundle {
        let mut bundle = Bundle::new(Redactor::default());
        gather(&mut bundle, &rig.api().await, "hawser").await;
        bundle
    }

    #[tokio::test]
    async fn each_pod_has_its_log_and_a_restarted_one_the_log_before() {
        let rig = Rig::new(|request| {
            let path = request.path.as_str();
            if path.contains("/pods?") {
                return Reply::json(
                    r#"{"items": [
                        {"metadata": {"name": "a"}, "status": {"containerStatuses": [{"restartCount": 0}]}},
                        {"metadata": {"name": "b"}, "status": {"containerStatuses": [{"restartCount": 2}]}}
                    ]}"#,
                );
            }
            let before = path.contains("previous=true");
            Reply::json(&format!("{} token=swordfish", if before { "before" } else { "now" }))
        });
        let bundle = gathered(&rig).await;
        let names: Vec<_> = bundle.entries().iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["manager/a.log", "manager/b.log", "manager/b.before.log"]);
        assert!(bundle.entries()[2].text.starts_with("before "));
        assert!(bundle.entries().iter().all(|entry| !entry.text.contains("swordfish")));
        assert!(bundle.missing().is_empty());
    }

    #[tokio::test]
    async fn who_may_not_read_them_is_told_who_may() {
        let rig = Rig::new(|_| Reply::status(403, "pods is forbidden: User \"dev\" cannot list resource \"pods\""));
        let bundle = gathered(&rig).await;
        assert!(bundle.entries().is_empty());
        let [(name, why)] = bundle.missing() else { panic!("{:?}", bundle.missing()) };
        assert_eq!(name, "manager/");
        assert!(why.contains("cannot list") && why.contains("kubectl -n hawser logs"), "{why}");
    }

    #[tokio::test]
    async fn no_manager_is_said_too() {
        let rig = Rig::new(|_| Reply::json(r#"{"items": []}"#));
        assert!(gathered(&rig).await.missing()[0].1.contains("no pod of a manager"));
    }
}
