//! The containers that are added: the agent's, and the one that redirects ports.

use hawser_fault::{Code, Fault};
use hawser_tunnel::agent::{CONFIG, Config, POD_IP};
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value, json};

use super::environment::verbatim;
use super::ports::Placed;
use super::{AGENT, HandOver, PROGRAM, REDIRECT, Sidecar, volumes};

/// What the agent has of the app's containers.
#[derive(Default)]
pub struct Added {
    pub env: Vec<Value>,
    pub env_from: Vec<Value>,
    pub mounts: Vec<Value>,
}

/// The user that a container declares, if it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct User {
    user: Option<i64>,
    group: Option<i64>,
}

impl User {
    /// That of the container at this place.
    pub fn of(spec: &PodSpec, container: usize) -> Self {
        let own = spec.containers.get(container).and_then(|container| container.security_context.as_ref());
        let pod = spec.security_context.as_ref();
        Self {
            user: own.and_then(|own| own.run_as_user).or(pod.and_then(|pod| pod.run_as_user)),
            group: own.and_then(|own| own.run_as_group).or(pod.and_then(|pod| pod.run_as_group)),
        }
    }
}

/// The agent's container.
pub fn agent(added: Added, config: &Config, placed: &[Placed], user: User, sidecar: &Sidecar) -> Result<Value, Fault> {
    let config = serde_json::to_string(config)
        .map_err(|error| Fault::new(Code::Internal, format!("an agent's configuration cannot be written: {error}")))?;
    let mut env = vec![
        json!({ "name": CONFIG, "value": verbatim(&config) }),
        json!({ "name": POD_IP, "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } }),
    ];
    env.extend(added.env);
    let mut mounts = vec![volumes::token_mount()];
    mounts.extend(added.mounts);
    let mut container = base(AGENT, &[PROGRAM], sidecar);
    container["env"] = env.into();
    container["volumeMounts"] = mounts.into();
    container["securityContext"] = confined(&[]);
    container["securityContext"]["runAsNonRoot"] = (user.user != Some(0)).into();
    for (field, id) in [("runAsUser", user.user), ("runAsGroup", user.group)] {
        if let Some(id) = id {
            container["securityContext"][field] = id.into();
        }
    }
    if !added.env_from.is_empty() {
        container["envFrom"] = added.env_from.into();
    }
    let ports: Vec<Value> = placed.iter().flat_map(named_ports).collect();
    if !ports.is_empty() {
        container["ports"] = ports.into();
    }
    if sidecar.native {
        container["restartPolicy"] = "Always".into();
    }
    Ok(container)
}

/// The names under which services find the agent.
fn named_ports(placed: &Placed) -> Vec<Value> {
    let protocol = if placed.port.udp { "UDP" } else { "TCP" };
    let port = |name: &str| json!({ "name": name, "containerPort": placed.listen, "protocol": protocol });
    placed.names.iter().map(|name| port(&name.old)).collect()
}

/// The container that sets up the pod's kernel, if it has to: each argument is `PROTOCOL:FROM:TO`.
pub fn redirect(placed: &[Placed], sidecar: &Sidecar) -> Option<Value> {
    let mut rules = Vec::new();
    for one in placed.iter().filter(|one| one.hand_over == HandOver::Redirect) {
        let protocol = if one.port.udp { "udp" } else { "tcp" };
        rules.push(rule(protocol, one.port.number, one.listen));
        rules.extend(one.bypass.map(|bypass| rule(protocol, bypass, one.port.number)));
    }
    if rules.is_empty() {
        return None;
    }
    let mut container = base(REDIRECT, &[PROGRAM], sidecar);
    container["args"] = json!(["redirect"].into_iter().map(str::to_owned).chain(rules).collect::<Vec<_>>());
    container["securityContext"] = confined(&["NET_ADMIN"]);
    container["securityContext"]["runAsNonRoot"] = false.into();
    container["securityContext"]["runAsUser"] = 0.into();
    container["securityContext"]["runAsGroup"] = 0.into();
    Some(container)
}

fn rule(protocol: &str, from: u16, to: u16) -> String {
    format!("{protocol}:{from}:{to}")
}

fn base(name: &str, command: &[&str], sidecar: &Sidecar) -> Value {
    let mut container = json!({
        "name": name,
        "image": sidecar.image,
        "command": command,
        "resources": sidecar.resources,
    });
    if !sidecar.pull_policy.is_empty() {
        container["imagePullPolicy"] = sidecar.pull_policy.clone().into();
    }
    container
}

fn confined(capabilities: &[&str]) -> Value {
    let mut capabilities_kept = json!({ "drop": ["ALL"] });
    if !capabilities.is_empty() {
        capabilities_kept["add"] = json!(capabilities);
    }
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": capabilities_kept,
        "readOnlyRootFilesystem": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}
