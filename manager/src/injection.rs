//! Adds an agent to a pod. The webhook answers with the patch; who previews an intercept tries the patched pod.
//!
//! All changes are a JSON Patch (RFC 6902) of the pod as it came, so fields that this build doesn't know stay as they are.

mod containers;
mod edit;
mod environment;
pub mod manifest;
mod ports;
mod present;
mod replaced;
pub mod resolution;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use hawser_fault::{Code, Fault};
use hawser_tunnel::agent::{Config, Container};
use json_patch::Patch;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use serde_json::Value;

use edit::Edit;
pub use present::{Present, present};
pub use volumes::has_files;

/// The annotation of a pod that says whether it may get an agent.
pub const ANNOTATION: &str = "hawser.dev/inject";
/// Its value for a pod that gets an agent when it's made, without an intercept.
pub const ENABLED: &str = "enabled";
/// Its value for a pod that never gets one.
pub const DISABLED: &str = "disabled";
/// The name of the agent's container.
pub const AGENT: &str = "hawser-agent";
/// The name of the container that hands numeric ports over.
pub const REDIRECT: &str = "hawser-redirect";
/// The program of all containers that are added or replaced.
const PROGRAM: &str = "/hawser-agent";

/// What a pod's agent must be able to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// The app's ports that it stands before.
    pub ports: BTreeMap<Port, HandOver>,
    /// Containers whose program doesn't run.
    pub replaced: BTreeSet<String>,
}

/// A port of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Where the app listens.
    pub number: u16,
    /// UDP, else TCP.
    pub udp: bool,
}

/// How the agent gets a port's traffic. Of two ways to one port the later is the one that serves for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HandOver {
    /// It takes over the name by which services know the port.
    Rename,
    /// The pod's kernel redirects what comes for the number.
    Redirect,
}

/// What all agents have in common.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// The image.
    pub image: String,
    /// Its imagePullPolicy; empty for the cluster's default.
    pub pull_policy: String,
    /// The resources of the agent's container, as Kubernetes writes them.
    pub resources: Value,
    /// An init container with restartPolicy Always, else an ordinary container.
    pub native: bool,
    /// `host:port` of the managers' service.
    pub manager: String,
    /// The name in their certificates.
    pub manager_name: String,
    /// Their authorities, in PEM.
    pub authority: String,
}

/// What adds an agent to a pod: nothing if it has one.
///
/// # Errors
/// `injection-disabled` if the pod says so, `injection-impossible` if it has what rules an agent out, `internal` if it's no pod.
pub fn inject(pod: &Value, want: &Want, sidecar: &Sidecar) -> Result<Patch, Fault> {
    let mut edit = Edit::of(pod);
    let typed: Pod = serde_json::from_value(pod.clone())
        .map_err(|error| Fault::new(Code::Internal, format!("a pod cannot be read: {error}")))?;
    if present(&typed).is_some() {
        return edit.finish();
    }
    let spec = typed.spec.clone().unwrap_or_default();
    refuse(&typed, &spec, want)?;
    let placed = ports::place(&spec, want)?;
    ports::rewire(&mut edit, &spec, &placed, want);
    replaced::replace(&mut edit, &spec, want, sidecar);
    let copied = volumes::policies(&typed.metadata);
    let mut added = containers::Added::default();
    let mut known = Vec::new();
    for (number, container) in list(pod, "/spec/containers").iter().enumerate() {
        let environment = environment::copy(number, container);
        let volumes = volumes::copy(number, container, &copied);
        known.push(Container {
            name: container["name"].as_str().unwrap_or_default().to_owned(),
            environment: environment.names,
            mounts: volumes.paths,
        });
        added.env.extend(environment.env);
        added.env_from.extend(environment.env_from);
        added.mounts.extend(volumes.mounts);
    }
    let config = Config {
        manager: sidecar.manager.clone(),
        manager_name: sidecar.manager_name.clone(),
        authority: sidecar.authority.clone(),
        ports: ports::known(&placed),
        containers: known,
    };
    let user = containers::User::of(&spec, placed.first().and_then(|placed| placed.container).unwrap_or_default());
    if let Some(redirect) = containers::redirect(&placed, sidecar) {
        edit.append("/spec/initContainers", redirect);
    }
    let agent = containers::agent(added, &config, &placed, user, sidecar)?;
    edit.append(if sidecar.native { "/spec/initContainers" } else { "/spec/containers" }, agent);
    edit.append("/spec/volumes", volumes::token());
    edit.finish()
}

/// Says no to a pod that can't have an agent.
fn refuse(pod: &Pod, spec: &PodSpec, want: &Want) -> Result<(), Fault> {
    let annotations = pod.metadata.annotations.as_ref();
    if annotations.and_then(|all| all.get(ANNOTATION)).is_some_and(|value| value == DISABLED) {
        return Err(Fault::new(
            Code::InjectionDisabled,
            format!("its pods have the annotation {ANNOTATION}: {DISABLED}"),
        ));
    }
    let impossible = |reason: &str| Err(Fault::new(Code::InjectionImpossible, reason.to_owned()));
    if spec.host_network == Some(true) {
        return impossible("its pods are in the network of their node, where an agent's ports would be the node's");
    }
    if spec.os.as_ref().is_some_and(|os| os.name != "linux") {
        return impossible("its pods don't run Linux");
    }
    if spec.restart_policy.as_ref().is_some_and(|policy| policy != "Always") {
        return impossible("its pods run to an end, which an agent would put off");
    }
    if let Some(name) = want.replaced.iter().find(|name| spec.containers.iter().all(|one| one.name != **name)) {
        return impossible(&format!("its pods have no container {name}"));
    }
    Ok(())
}

fn list<'a>(pod: &'a Value, path: &str) -> &'a [Value] {
    pod.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests;
