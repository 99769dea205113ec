//! What a pod has of an agent.

use std::collections::{BTreeMap, BTreeSet};

use hawser_tunnel::agent::{CONFIG, Config};
use k8s_openapi::api::core::v1::{Container, Pod};

use super::replaced::IDLE;
use super::{AGENT, HandOver, PROGRAM, Port, REDIRECT, Want};

/// The agent of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// The ports that it stands before.
    pub ports: BTreeSet<Port>,
    /// Where it listens in their place.
    pub listens: BTreeMap<Port, u16>,
    /// Those of them that the kernel redirects.
    pub redirected: BTreeSet<Port>,
    /// Containers whose program doesn't run.
    pub replaced: BTreeSet<String>,
}

impl Present {
    /// Whether it can do all that is wanted, and replaces no more than that.
    pub fn satisfies(&self, want: &Want) -> bool {
        let stands_before = |(port, hand_over): (&Port, &HandOver)| match hand_over {
            HandOver::Rename => self.ports.contains(port),
            HandOver::Redirect => self.redirected.contains(port),
        };
        self.replaced == want.replaced && want.ports.iter().all(stands_before)
    }

    /// Where clients come in that are to get to this port.
    pub fn entrance(&self, port: Port) -> Option<u16> {
        if self.redirected.contains(&port) { Some(port.number) } else { self.listens.get(&port).copied() }
    }
}

/// The agent of a pod, if it has one.
pub fn present(pod: &Pod) -> Option<Present> {
    let spec = pod.spec.as_ref()?;
    let all = || spec.init_containers.iter().flatten().chain(&spec.containers);
    let agent = all().find(|container| container.name == AGENT)?;
    let config = config(agent).unwrap_or_default();
    let listens: BTreeMap<Port, u16> =
        config.ports.iter().map(|port| (Port { number: port.app, udp: port.udp }, port.listen)).collect();
    let ports: BTreeSet<Port> = listens.keys().copied().collect();
    let redirect = all().find(|container| container.name == REDIRECT);
    let rules = redirect.into_iter().flat_map(|container| container.args.iter().flatten());
    let redirected = rules.filter_map(|rule| from(rule)).filter(|port| ports.contains(port)).collect();
    let is_idle = |container: &&Container| container.command.as_deref() == Some(&[PROGRAM.to_owned(), IDLE.to_owned()]);
    let replaced = spec.containers.iter().filter(is_idle).map(|container| container.name.clone()).collect();
    Some(Present { ports, listens, redirected, replaced })
}

/// What an agent's container is told.
pub fn config(agent: &Container) -> Option<Config> {
    let variable = agent.env.iter().flatten().find(|variable| variable.name == CONFIG)?;
    serde_json::from_str(&variable.value.as_ref()?.replace("$$", "$")).ok()
}

/// The port that a rule is for.
fn from(rule: &str) -> Option<Port> {
    let mut parts = rule.split(':');
    let udp = match parts.next()? {
        "tcp" => false,
        "udp" => true,
        _ => return None,
    };
    Some(Port { number: parts.next()?.parse().ok()?, udp })
}
