//! What goes through connections, what doesn't, and why.

use hawser_fault::Code;
use hawser_ipc::proto::Connection;

use super::problem;
use crate::facts::Facts;
use crate::view::{Placed, Source, Subnets, SubnetsOf};

pub(crate) fn subnets(facts: &Facts) -> Subnets {
    Subnets { connections: facts.connections().map(|connection| of(facts, connection)).collect() }
}

fn of(facts: &Facts, connection: &Connection) -> SubnetsOf {
    let wanted = facts.contexts.context_of(&connection.name).and_then(|id| facts.contexts.entry(id));
    let tuning = wanted.map(|entry| facts.stored.tuning(&entry.choice())).unwrap_or_default();
    let device = Some(connection.device.clone()).filter(|device| !device.is_empty());
    let routed = |subnet: &String| {
        let by_user = connection.also_proxy.contains(subnet);
        Placed {
            subnet: subnet.clone(),
            source: if by_user { Source::UserAlso } else { Source::Cluster },
            device: device.clone(),
            why: if by_user { "you want it routed".to_owned() } else { "the cluster serves it".to_owned() },
        }
    };
    let excluded = |subnet: &String| {
        let by_user = tuning.never.contains(subnet);
        Placed {
            subnet: subnet.clone(),
            source: if by_user { Source::UserNever } else { Source::ApiServer },
            device: None,
            why: if by_user {
                "you want it to stay on this computer".to_owned()
            } else {
                "the way to the API server must not go through itself, or it was asked for when this was connected"
                    .to_owned()
            },
        }
    };
    let left_alone = |subnet: &String| Placed {
        subnet: subnet.clone(),
        source: Source::Host,
        device: None,
        why: "this computer reaches it by a network of its own".to_owned(),
    };
    let conflict = problem(connection.cause.as_ref()).filter(|cause| cause.code == Code::SubnetConflict.as_str());
    SubnetsOf {
        connection: connection.name.clone(),
        routed: connection.subnets.iter().map(routed).collect(),
        excluded: connection.never_proxy.iter().map(excluded).collect(),
        left_alone: connection.left_alone.iter().map(left_alone).collect(),
        conflict,
        also: connection.also_proxy.clone(),
        never: tuning.never,
        effect: effect(connection),
    }
}

fn effect(connection: &Connection) -> String {
    let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let flows = plural(connection.open_flows as usize, "open flow");
    match connection.intercepts.len() {
        0 => format!("{} is connected anew, which ends {flows}", connection.name),
        count => {
            format!("{} is connected anew, which ends {flows} and {}", connection.name, plural(count, "intercept"))
        }
    }
}
