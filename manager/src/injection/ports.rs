//! Which port the agent stands before, where it listens instead, and the probes that must not notice.

use std::collections::BTreeSet;

use hawser_fault::{Code, Fault};
use hawser_tunnel::agent::{self, FIRST_PORT};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, Probe, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::edit::Edit;
use super::{HandOver, Port, Want};

/// One port that the agent stands before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub port: Port,
    pub hand_over: HandOver,
    /// Where the agent listens.
    pub listen: u16,
    /// Where probes come to the app past the agent, if the kernel redirects the port.
    pub bypass: Option<u16>,
    /// The container that declares the port.
    pub container: Option<usize>,
    /// The names that the agent takes over.
    pub names: Vec<Name>,
}

/// A declared port that is renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub old: String,
    pub new: String,
    container: usize,
    index: usize,
}

/// Finds a place for each wanted port.
pub fn place(spec: &PodSpec, want: &Want) -> Result<Vec<Placed>, Fault> {
    let mut free = Free::beside(spec, want);
    let mut renamed = 0;
    let mut placed = Vec::new();
    for (port, hand_over) in &want.ports {
        let declared: Vec<(usize, usize, &ContainerPort)> = declarations(spec, *port).collect();
        let mut names = Vec::new();
        if *hand_over == HandOver::Rename {
            for (container, index, declaration) in &declared {
                let Some(old) = declaration.name.clone() else { continue };
                names.push(Name { old, new: format!("hawser-app-{renamed}"), container: *container, index: *index });
                renamed += 1;
            }
        }
        let hand_over = if names.is_empty() { HandOver::Redirect } else { HandOver::Rename };
        let container = declared.first().map(|(container, ..)| *container);
        placed.push(Placed { port: *port, hand_over, listen: free.next()?, bypass: None, container, names });
    }
    for one in placed.iter_mut().filter(|one| one.hand_over == HandOver::Redirect && !one.port.udp) {
        one.bypass = Some(free.next()?);
    }
    Ok(placed)
}

/// The same for the agent.
pub fn known(placed: &[Placed]) -> Vec<agent::Port> {
    let port = |one: &Placed| agent::Port { listen: one.listen, app: one.port.number, udp: one.port.udp };
    placed.iter().map(port).collect()
}

/// Renames the app's ports, and sends its probes and hooks where the app still is.
pub fn rewire(edit: &mut Edit, spec: &PodSpec, placed: &[Placed], want: &Want) {
    for name in placed.iter().flat_map(|one| &one.names) {
        edit.set(&format!("/spec/containers/{}/ports/{}/name", name.container, name.index), name.new.clone());
    }
    for (index, container) in spec.containers.iter().enumerate() {
        // Its probes go with its program.
        if want.replaced.contains(&container.name) {
            continue;
        }
        for target in targets(container) {
            if let Some(number) = moved(container, &target, placed) {
                edit.set(&format!("/spec/containers/{index}/{}/port", target.path), Value::from(number));
            }
        }
    }
}

/// Where a probe must go instead, if it must.
fn moved(container: &Container, target: &Target, placed: &[Placed]) -> Option<u16> {
    let number = match &target.port {
        IntOrString::Int(number) => u16::try_from(*number).ok()?,
        IntOrString::String(name) => {
            let declared = container.ports.iter().flatten().find(|port| port.name.as_ref() == Some(name))?;
            u16::try_from(declared.container_port).ok()?
        }
    };
    let one = placed.iter().find(|one| one.port == Port { number, udp: false })?;
    match one.hand_over {
        HandOver::Redirect => one.bypass.filter(|_| !target.elsewhere),
        HandOver::Rename => matches!(target.port, IntOrString::String(_)).then_some(number),
    }
}

/// What a probe or hook of a container calls.
struct Target {
    /// Its place in the container.
    path: String,
    port: IntOrString,
    /// At a host that it names, else at the pod.
    elsewhere: bool,
}

fn targets(container: &Container) -> Vec<Target> {
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    let mut found = Vec::new();
    for (field, probe) in probes {
        let Some(Probe { http_get, tcp_socket, grpc, .. }) = probe else { continue };
        found.extend(calls(field, http_get.as_ref(), tcp_socket.as_ref()));
        let path = format!("{field}/grpc");
        found.extend(grpc.iter().map(|grpc| Target {
            path: path.clone(),
            port: IntOrString::Int(grpc.port),
            elsewhere: false,
        }));
    }
    let Some(Lifecycle { post_start, pre_stop, .. }) = &container.lifecycle else { return found };
    for (field, hook) in [("lifecycle/postStart", post_start), ("lifecycle/preStop", pre_stop)] {
        let Some(LifecycleHandler { http_get, tcp_socket, .. }) = hook else { continue };
        found.extend(calls(field, http_get.as_ref(), tcp_socket.as_ref()));
    }
    found
}

fn calls(field: &str, get: Option<&HTTPGetAction>, socket: Option<&TCPSocketAction>) -> Vec<Target> {
    let get = get.map(|get| ("httpGet", &get.port, &get.host));
    let socket = socket.map(|socket| ("tcpSocket", &socket.port, &socket.host));
    let target = move |(action, port, host): (&str, &IntOrString, &Option<String>)| Target {
        path: format!("{field}/{action}"),
        port: port.clone(),
        elsewhere: host.as_ref().is_some_and(|host| !host.is_empty()),
    };
    get.into_iter().chain(socket).map(target).collect()
}

/// Where a port is declared: the container, the place in its list, the declaration.
fn declarations(spec: &PodSpec, port: Port) -> impl Iterator<Item = (usize, usize, &ContainerPort)> {
    let all = spec.containers.iter().enumerate();
    let all =
        all.flat_map(|(at, one)| one.ports.iter().flatten().enumerate().map(move |(index, port)| (at, index, port)));
    all.filter(move |(_, _, declared)| is(declared, port))
}

/// Whether a declaration is of this port.
pub fn is(declared: &ContainerPort, port: Port) -> bool {
    let protocol = if port.udp { "UDP" } else { "TCP" };
    declared.container_port == i32::from(port.number) && declared.protocol.as_deref().unwrap_or("TCP") == protocol
}

/// Ports that nobody in the pod is known to use.
struct Free {
    used: BTreeSet<u16>,
    next: u16,
}

impl Free {
    fn beside(spec: &PodSpec, want: &Want) -> Self {
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let declared = containers.flat_map(|one| one.ports.iter().flatten()).map(|port| port.container_port);
        let wanted = want.ports.keys().map(|port| port.number);
        Self { used: declared.filter_map(|port| u16::try_from(port).ok()).chain(wanted).collect(), next: FIRST_PORT }
    }

    fn next(&mut self) -> Result<u16, Fault> {
        while self.used.contains(&self.next) && self.next < u16::MAX {
            self.next += 1;
        }
        if self.next == u16::MAX {
            return Err(Fault::new(Code::InjectionImpossible, "its pods have no port left for an agent"));
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}
