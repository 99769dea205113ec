//! What all agents of a cluster have in common: said by the cluster's own webhook, or by arguments.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use hawser_client::kubeconfig::Interaction;
use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, Body};
use hawser_manager::injection::manifest::settings;
use hawser_manager::injection::{ANNOTATION, ENABLED, Sidecar};
use http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::inject::read;
use crate::cli::agent::InjectArgs;
use crate::commands::target;

/// How long the API server may take, its webhooks among it.
const ANSWER: Duration = Duration::from_secs(10);

pub(super) async fn obtain(args: InjectArgs) -> Result<Sidecar, Fault> {
    let namespace = &args.manager.manager_namespace;
    if let Some(path) = &args.authority {
        let authority = read(path)?;
        if !authority.contains("-----BEGIN CERTIFICATE-----") {
            let detail = format!("{} is no certificate in PEM", path.display());
            return Err(Fault::new(Code::KeyMalformed, detail).with_fix(format!(
                "Get it with: kubectl get secret -n {namespace} hawser-manager -o jsonpath='{{.data.ca\\.crt}}' | base64 -d"
            )));
        }
        return Ok(of_arguments(namespace, args.image.clone(), !args.no_native_sidecar, authority));
    }
    let cluster = target::cluster(args.kubeconfig)?;
    let interaction = if io::stdin().is_terminal() { Interaction::Terminal } else { Interaction::Unattended };
    let api = cluster.api(interaction).await?;
    of_cluster(&api, &cluster.access.namespace).await
}

/// As the chart has them.
fn of_arguments(namespace: &str, image: String, native: bool, authority: String) -> Sidecar {
    let manager_name = format!("hawser-manager-agents.{namespace}.svc");
    Sidecar {
        image,
        pull_policy: String::new(),
        resources: json!({ "requests": { "cpu": "10m", "memory": "12Mi" }, "limits": { "memory": "64Mi" } }),
        native,
        manager: format!("{manager_name}:7301"),
        manager_name,
        authority,
    }
}

/// Asks for a pod with an agent, and makes none.
async fn of_cluster(api: &Api, namespace: &str) -> Result<Sidecar, Fault> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let body = trial();
    let asking = api.request::<Value>(Method::POST, &path, Some(Body::json(&body)));
    let late = || Fault::new(Code::ApiUnreachable, format!("{} does not answer in time", api.address()));
    let made = timeout(ANSWER, asking).await.map_err(|_| late())?.map_err(|error| explain(error, namespace))?;
    let pod = serde_json::from_value(made)
        .map_err(|error| Fault::new(Code::ApiRefused, format!("the API server's pod cannot be read: {error}")))?;
    settings(&pod).ok_or_else(|| {
        let detail = format!("a pod in the namespace {namespace} that asks for an agent gets none");
        Fault::new(Code::WebhookUnreachable, detail)
    })
}

/// A pod that even restricted namespaces take.
fn trial() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "generateName": "hawser-settings-", "annotations": { ANNOTATION: ENABLED } },
        "spec": {
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "settings", "image": "hawser.invalid/settings:0",
                "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "cpu": "1m", "memory": "1Mi" } },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    })
}

fn explain(error: ApiError, namespace: &str) -> Fault {
    match &error {
        ApiError::Refused { status: 403, message, .. } => Fault::new(Code::RightsMissing, message.clone())
            .with_fix("Without the right to create pods give the settings by arguments: --authority FILE".to_owned()),
        ApiError::Refused { status: 404, message, .. } => {
            Fault::new(Code::ApiRefused, message.clone()).with_fix(format!("Is there a namespace {namespace}?"))
        }
        _ => error.into(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn offline() -> Sidecar {
        of_arguments("tools", "r/h:1".to_owned(), true, "-----BEGIN CERTIFICATE-----\n".to_owned())
    }

    #[test]
    fn the_arguments_say_where_the_manager_is() {
        let sidecar = offline();
        assert_eq!(sidecar.manager, "hawser-manager-agents.tools.svc:7301");
        assert_eq!((sidecar.image.as_str(), sidecar.native), ("r/h:1", true));
    }

    #[test]
    fn without_the_right_there_is_another_way() {
        let refused =
            |status| ApiError::Refused { status, reason: String::new(), message: "pods is forbidden".to_owned() };
        let fault = explain(refused(403), "shop");
        assert_eq!(fault.code, Code::RightsMissing);
        assert!(fault.fix.contains("--authority"), "{fault}");
        assert!(explain(refused(404), "shop").fix.contains("namespace shop"));
    }
}
