//! Where every subnet that somebody has named leads, and why: a pure function of facts.

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::{is_own, overlaps};
use crate::conflict::{Conflict, likely_owner};
use crate::limits;
use crate::network::Route;
use crate::plane::ClusterInfo;
use crate::store::desired::Routing;

/// Where a subnet leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which.
    pub subnet: IpNet,
    /// What becomes of it.
    pub disposition: Disposition,
    /// Who named it.
    pub source: Source,
    /// The host's route that has it.
    pub route: Option<IpNet>,
    /// Where that leads; empty if there is none.
    pub device: String,
    /// Whose the device looks like; empty if nobody can tell.
    pub owner: String,
    /// In words.
    pub why: String,
}

/// What becomes of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It goes to the cluster.
    Routed,
    /// It doesn't, where nothing more specific does.
    Excluded,
    /// It can't: something else has it.
    Conflict,
    /// The host reaches it in the cluster by itself.
    LeftAlone,
}

/// Who named a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The cluster.
    Cluster,
    /// The cluster, to stay out.
    ClusterNever,
    /// The user.
    AlsoProxy,
    /// The user, to stay out.
    NeverProxy,
    /// The way to the API server leads over it.
    ApiServer,
    /// The way to the manager does.
    Manager,
}

/// What is known when a cluster is to be routed.
pub struct Facts<'a> {
    /// As its manager says it.
    pub cluster: &'a ClusterInfo,
    /// What the user wants.
    pub routing: &'a Routing,
    /// Addresses that the connection itself leads over.
    pub carriers: &'a [IpAddr],
    /// What the host reaches by itself.
    pub left_alone: &'a [IpNet],
    /// What is to be routed.
    pub routed: &'a [IpNet],
    /// What of that can't be.
    pub conflicts: &'a [Conflict],
    /// Every route of the host.
    pub routes: &'a [Route],
    /// The connection's.
    pub device: &'a str,
}

/// Conflicts first, then what stays out, then the rest; [`limits::PLACEMENTS`] of them.
pub fn place(facts: &Facts<'_>) -> Vec<Placement> {
    let conflicts = facts.conflicts.iter().map(|conflict| in_conflict(conflict, facts));
    let excluded = excluded(facts).into_iter().map(|(subnet, source, why)| {
        let kept = Placement { subnet, disposition: Disposition::Excluded, source, ..nowhere(subnet) };
        Placement { why: why.to_owned(), ..by_host(kept, facts) }
    });
    let left_alone = facts.left_alone.iter().map(|subnet| {
        let (source, _) = named(subnet, facts);
        let why = "this computer reaches it by itself".to_owned();
        by_host(Placement { disposition: Disposition::LeftAlone, source, why, ..nowhere(*subnet) }, facts)
    });
    let is_free = |subnet: &&IpNet| !facts.conflicts.iter().any(|conflict| conflict.subnet == **subnet);
    let routed = facts.routed.iter().filter(is_free).map(|subnet| {
        let (source, why) = named(subnet, facts);
        let (device, owner) = (facts.device.to_owned(), "this connection".to_owned());
        Placement { source, route: Some(*subnet), device, owner, why, ..nowhere(*subnet) }
    });
    conflicts.chain(excluded).chain(left_alone).chain(routed).take(limits::PLACEMENTS).collect()
}

fn nowhere(subnet: IpNet) -> Placement {
    Placement {
        subnet,
        disposition: Disposition::Routed,
        source: Source::Cluster,
        route: None,
        device: String::new(),
        owner: String::new(),
        why: String::new(),
    }
}

fn in_conflict(conflict: &Conflict, facts: &Facts<'_>) -> Placement {
    let (source, _) = named(&conflict.subnet, facts);
    let why = conflict.fault.detail.clone();
    let placement = Placement { disposition: Disposition::Conflict, source, why, ..nowhere(conflict.subnet) };
    match &conflict.route {
        Some(route) => held(placement, route),
        None => Placement { owner: "the manager".to_owned(), ..placement },
    }
}

/// What stays out, each once, with who wants that.
fn excluded(facts: &Facts<'_>) -> Vec<(IpNet, Source, &'static str)> {
    let never = facts.routing.never.iter().map(|net| (*net, Source::NeverProxy, "you want it to stay out"));
    let of_cluster = facts.cluster.excluded_subnets.iter().map(|net| {
        let why = "whoever runs the cluster wants it to stay out";
        (*net, Source::ClusterNever, why)
    });
    let carriers = facts.carriers.iter().map(|address| {
        let why = "the API server is there, and the way to it can't lead through itself";
        (IpNet::from(*address), Source::ApiServer, why)
    });
    let peer = facts.cluster.peer.iter().map(|address| {
        let why = "the manager is reached there, and the way to it can't lead through itself";
        (IpNet::from(*address), Source::Manager, why)
    });
    let mut all: Vec<(IpNet, Source, &str)> = Vec::new();
    for (net, source, why) in never.chain(of_cluster).chain(carriers).chain(peer) {
        let net = net.trunc();
        if !all.iter().any(|(known, ..)| *known == net) {
            all.push((net, source, why));
        }
    }
    all
}

/// Who wants a subnet routed, in a word and in words.
fn named(subnet: &IpNet, facts: &Facts<'_>) -> (Source, String) {
    let around = |nets: &[IpNet]| nets.iter().find(|net| overlaps(net, subnet)).copied();
    let (source, net, who) = if let Some(net) = around(&facts.cluster.served.also) {
        (Source::Cluster, net, "whoever runs the cluster adds")
    } else if let Some(net) = around(&facts.cluster.subnets) {
        (Source::Cluster, net, "the cluster serves")
    } else {
        (Source::AlsoProxy, around(&facts.routing.also).unwrap_or(*subnet), "you add")
    };
    let is_part = net.trunc() != *subnet && net.contains(subnet);
    let why = if is_part { format!("it is a part of {}, which {who}", net.trunc()) } else { format!("{who} it") };
    (source, why)
}

/// With the route that the host has without us.
fn by_host(placement: Placement, facts: &Facts<'_>) -> Placement {
    let around = |route: &&Route| route.device != facts.device && route.net.contains(&placement.subnet);
    let best = facts.routes.iter().filter(around).max_by_key(|route| (route.net.prefix_len(), Reverse(route.metric)));
    match best {
        Some(route) => held(placement, route),
        None => placement,
    }
}

fn held(placement: Placement, route: &Route) -> Placement {
    Placement {
        route: Some(route.net),
        device: route.device.clone(),
        owner: owner(&route.device).to_owned(),
        ..placement
    }
}

fn owner(device: &str) -> &'static str {
    const ORDINARY: [(&str, &str); 5] =
        [("eth", "Ethernet"), ("en", "Ethernet"), ("wl", "Wi-Fi"), ("ww", "a mobile network"), ("lo", "this computer")];
    if is_own(device) {
        return "another connection";
    }
    let ordinary = || ORDINARY.iter().find(|(prefix, _)| device.starts_with(prefix)).map(|(_, owner)| *owner);
    likely_owner(device).or_else(ordinary).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hawser_fault::{Code, Fault};

    use super::*;
    use crate::plane::Served;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn route(text: &str, device: &str, metric: u32) -> Route {
        Route { net: net(text), device: device.to_owned(), metric }
    }

    fn line(placement: &Placement) -> String {
        let Placement { subnet, disposition, source, route, device, owner, why } = placement;
        let route = route.map_or_else(|| "-".to_owned(), |route| route.to_string());
        format!("{subnet} {disposition:?} {source:?} by {route} {device} ({owner}): {why}")
    }

    #[test]
    fn everything_that_is_named_is_somewhere() {
        let cluster = ClusterInfo {
            subnets: vec![net("10.96.0.0/16"), net("10.244.0.0/16"), net("192.0.2.0/24")],
            excluded_subnets: vec![net("10.96.9.0/24")],
            peer: Some("203.0.113.8".parse().unwrap()),
            served: Served { also: vec![net("192.0.2.0/24")], ..Served::default() },
            ..ClusterInfo::default()
        };
        let routing = Routing { also: vec![net("172.20.0.0/16")], never: vec![net("172.17.0.1/16")] };
        let fault = Fault::new(Code::SubnetConflict, "docker0 has it");
        let conflicts =
            [Conflict { subnet: net("10.96.0.0/21"), route: Some(route("10.96.1.0/24", "docker0", 0)), fault }];
        let routes = [
            route("0.0.0.0/0", "eth0", 100),
            route("0.0.0.0/0", "wlan0", 600),
            route("172.17.0.0/16", "br-1a", 0),
            route("10.96.0.0/21", "hawser0", 0),
            route("10.96.0.0/12", "tun0", 0),
            route("10.240.0.0/12", "hawser1", 0),
        ];
        let facts = Facts {
            cluster: &cluster,
            routing: &routing,
            carriers: &["203.0.113.7".parse().unwrap()],
            left_alone: &[net("10.244.0.0/16")],
            routed: &[net("10.96.0.0/21"), net("10.96.16.0/20"), net("172.20.0.0/16"), net("192.0.2.0/24")],
            conflicts: &conflicts,
            routes: &routes,
            device: "hawser0",
        };
        let lines: Vec<String> = place(&facts).iter().map(line).collect();
        let carrier = "and the way to it can't lead through itself";
        assert_eq!(
            lines,
            [
                "10.96.0.0/21 Conflict Cluster by 10.96.1.0/24 docker0 (Docker): docker0 has it".to_owned(),
                "172.17.0.0/16 Excluded NeverProxy by 172.17.0.0/16 br-1a (a network of Docker): you want it to stay out"
                    .to_owned(),
                "10.96.9.0/24 Excluded ClusterNever by 10.96.0.0/12 tun0 (OpenVPN or another VPN): whoever runs the \
                 cluster wants it to stay out"
                    .to_owned(),
                format!("203.0.113.7/32 Excluded ApiServer by 0.0.0.0/0 eth0 (Ethernet): the API server is there, {carrier}"),
                format!(
                    "203.0.113.8/32 Excluded Manager by 0.0.0.0/0 eth0 (Ethernet): the manager is reached there, {carrier}"
                ),
                "10.244.0.0/16 LeftAlone Cluster by 10.240.0.0/12 hawser1 (another connection): this computer reaches it \
                 by itself"
                    .to_owned(),
                "10.96.16.0/20 Routed Cluster by 10.96.16.0/20 hawser0 (this connection): it is a part of 10.96.0.0/16, \
                 which the cluster serves"
                    .to_owned(),
                "172.20.0.0/16 Routed AlsoProxy by 172.20.0.0/16 hawser0 (this connection): you add it"
                    .to_owned(),
                "192.0.2.0/24 Routed Cluster by 192.0.2.0/24 hawser0 (this connection): whoever runs the cluster adds it"
                    .to_owned(),
            ]
        );
    }

    #[test]
    fn what_is_told_is_bounded() {
        let routed: Vec<IpNet> = (0..=limits::PLACEMENTS as u32)
            .map(|n| crate::address::host_net((0x0a00_0000 + 2 * n).to_be_bytes()))
            .collect();
        let facts = Facts {
            cluster: &ClusterInfo { subnets: routed.clone(), ..ClusterInfo::default() },
            routing: &Routing::default(),
            carriers: &[],
            left_alone: &[],
            routed: &routed,
            conflicts: &[],
            routes: &[],
            device: "hawser0",
        };
        assert_eq!(place(&facts).len(), limits::PLACEMENTS);
    }
}
