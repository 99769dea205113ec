//! The app's volumes, as the agent has them: each below a folder of its container. And the agent's own token.

use std::collections::BTreeMap;
use std::path::Path;

use hawser_tunnel::agent::{AUDIENCE, TOKEN, VOLUMES, variable};
use k8s_openapi::api::core::v1::{self, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::{environment, list};

/// The annotation of a pod that says what is done with its volumes: `NAME=POLICY`, separated by commas. Policies are
/// `ignore` and `local` (the agent doesn't have it) and `read-only`.
const ANNOTATION: &str = "hawser.dev/volumes";
/// The volume with the agent's token.
const VOLUME: &str = "hawser-token";
/// How long a token holds; the kubelet renews it long before.
const TOKEN_SECONDS: u32 = 3600;

/// What is done with a volume that isn't simply shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Hidden,
    ReadOnly,
}

/// What the agent's container gets of one of the app's.
pub struct Volumes {
    pub mounts: Vec<Value>,
    /// Where they are, as the app has them.
    pub paths: Vec<String>,
}

/// The policies of a pod's volumes, by name. What isn't one hides the volume.
pub fn policies(pod: &ObjectMeta) -> BTreeMap<String, Policy> {
    let annotation = pod.annotations.as_ref().and_then(|all| all.get(ANNOTATION));
    let policy = |entry: &str| {
        let (name, policy) = entry.split_once('=').unwrap_or((entry, ""));
        let policy = if policy.trim() == "read-only" { Policy::ReadOnly } else { Policy::Hidden };
        (name.trim().to_owned(), policy)
    };
    annotation.into_iter().flat_map(|text| text.split(',')).map(policy).collect()
}

/// Whether the agent has files of a container in pods of this template. One of them is the service account's token, where pods
/// get one unasked.
pub fn has_files(template: &PodTemplateSpec, container: &v1::Container) -> bool {
    let has_token = template.spec.as_ref().is_some_and(|spec| spec.automount_service_account_token != Some(false));
    let policies = template.metadata.as_ref().map(policies).unwrap_or_default();
    let mut mounts = container.volume_mounts.iter().flatten();
    has_token || mounts.any(|mount| policies.get(&mount.name) != Some(&Policy::Hidden))
}

/// Copies a container's mounts.
pub fn copy(number: usize, container: &Value, policies: &BTreeMap<String, Policy>) -> Volumes {
    let mut volumes = Volumes { mounts: Vec::new(), paths: Vec::new() };
    for mount in list(container, "/volumeMounts") {
        let policy = mount["name"].as_str().and_then(|name| policies.get(name));
        let Some(path) = mount["mountPath"].as_str().filter(|_| policy != Some(&Policy::Hidden)) else { continue };
        let path = format!("/{}", path.trim_start_matches('/'));
        let mut copy = mount.clone();
        copy["mountPath"] = format!("{VOLUMES}/{number}{path}").into();
        if policy == Some(&Policy::ReadOnly) {
            copy["readOnly"] = true.into();
        }
        // What the agent would mount there is nobody's business, and takes a privilege.
        if let Some(fields) = copy.as_object_mut() {
            fields.remove("mountPropagation");
        }
        if let Some(expression) = mount["subPathExpr"].as_str() {
            copy["subPathExpr"] = environment::expand_as(expression, |name| Some(variable(number, name))).into();
        }
        volumes.mounts.push(copy);
        volumes.paths.push(path);
    }
    volumes
}

/// The volume with the agent's token.
pub fn token() -> Value {
    let file = Path::new(TOKEN).file_name().and_then(|name| name.to_str());
    json!({ "name": VOLUME, "projected": { "sources": [
        { "serviceAccountToken": { "audience": AUDIENCE, "expirationSeconds": TOKEN_SECONDS, "path": file } },
    ] } })
}

/// Where the agent has it.
pub fn token_mount() -> Value {
    let folder = Path::new(TOKEN).parent().and_then(Path::to_str);
    json!({ "name": VOLUME, "mountPath": folder, "readOnly": true })
}
