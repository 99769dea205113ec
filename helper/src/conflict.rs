//! Whether a cluster's subnets would take addresses away from something else: one pure function of facts.

use std::net::IpAddr;

use hawser_fault::{Code, Fault};
use ipnet::IpNet;

use crate::address::overlaps;
use crate::network::Route;

/// What is known about the host when the subnets of a cluster are to be routed.
pub struct Facts<'a> {
    /// The device that the subnets are for; what is routed there already is no conflict.
    pub own_device: &'a str,
    /// Every unicast route of the host's main table.
    pub routes: &'a [Route],
    /// Other connections: device and name.
    pub others: &'a [(String, String)],
    /// Addresses of the manager: a route to them through the tunnel would cut the tunnel.
    pub manager: &'a [IpAddr],
}

/// A subnet that can't be routed to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which.
    pub subnet: IpNet,
    /// The host's route that is in the way; none if the manager's own address is.
    pub route: Option<Route>,
    /// Why, and what can be done.
    pub fault: Fault,
}

/// Every conflict.
///
/// A host's route that is wider than the subnet (the default route above all) stays as it is and is no conflict: ours is
/// more specific. Between two connections any overlap is one, because neither can be said to be meant.
pub fn find(subnets: &[IpNet], facts: &Facts<'_>) -> Vec<Conflict> {
    let of = |subnet| manager_inside(subnet, facts).into_iter().chain(routed_elsewhere(subnet, facts));
    subnets.iter().flat_map(of).collect()
}

/// All of them as the one fault that the user gets; none if there is no conflict.
pub fn refusal(conflicts: &[Conflict]) -> Option<Fault> {
    let (first, rest) = conflicts.split_first()?;
    let fault = first.fault.clone();
    if rest.is_empty() {
        return Some(fault);
    }
    let others = if rest.len() == 1 { "1 other subnet".to_owned() } else { format!("{} others", rest.len()) };
    let detail = format!("{}; {others} can't be routed either", fault.detail);
    Some(Fault { detail, ..fault })
}

fn manager_inside(subnet: &IpNet, facts: &Facts<'_>) -> Option<Conflict> {
    let inside = facts.manager.iter().find(|address| subnet.contains(*address))?;
    let detail = format!("the cluster's subnet {subnet} contains the manager's own address {inside}");
    let fault = Fault::new(Code::SubnetConflict, detail)
        .with_fix("Serve a smaller subnet, or reach the manager by another address.");
    Some(Conflict { subnet: *subnet, route: None, fault })
}

fn routed_elsewhere(subnet: &IpNet, facts: &Facts<'_>) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = Vec::new();
    // Every subnet lies in a default route: that is no conflict.
    let is_other = |route: &&Route| route.device != facts.own_device && route.net.prefix_len() > 0;
    for route in facts.routes.iter().filter(is_other) {
        let is_known = |known: &Conflict| {
            known.route.as_ref().is_some_and(|known| known.net == route.net && known.device == route.device)
        };
        if !found.iter().any(is_known)
            && let Some(fault) = in_the_way(subnet, route, facts.others)
        {
            found.push(Conflict { subnet: *subnet, route: Some(route.clone()), fault });
        }
    }
    found
}

fn in_the_way(subnet: &IpNet, route: &Route, others: &[(String, String)]) -> Option<Fault> {
    match others.iter().find(|(device, _)| *device == route.device) {
        Some((device, name)) if overlaps(subnet, &route.net) => {
            let detail = format!("{subnet} overlaps {} of the connection {name} ({device})", route.net);
            let fix = format!("Disconnect it with: hawser disconnect {name}");
            Some(Fault::new(Code::SubnetConflict, detail).with_fix(fix))
        }
        None if subnet.contains(&route.net) => {
            let owner = likely_owner(&route.device).map(|owner| format!(", which looks like {owner}"));
            let owner = owner.unwrap_or_default();
            let detail = format!("{} in {subnet} is already routed to {}{owner}", route.net, route.device);
            let fix = format!("End what routes it, or leave it out with: hawser connect --never-proxy {}", route.net);
            Some(Fault::new(Code::SubnetConflict, detail).with_fix(fix))
        }
        _ => None,
    }
}

/// Of a cluster's subnets, those that the host reaches by itself, given that it so reaches `near` by `device`: the one that `near`
/// is in, and those that the host routes to the same device.
pub fn reached_beside(near: IpAddr, device: Option<&str>, subnets: &[IpNet], routes: &[Route]) -> Vec<IpNet> {
    let is_routed =
        |subnet: &IpNet| routes.iter().any(|route| Some(&*route.device) == device && route.net.contains(subnet));
    subnets.iter().filter(|subnet| subnet.contains(&near) || is_routed(subnet)).copied().collect()
}

/// Whose a device is, by what its owner calls it.
pub fn likely_owner(device: &str) -> Option<&'static str> {
    const OWNERS: [(&str, &str); 19] = [
        ("tailscale", "Tailscale"),
        ("wg", "WireGuard"),
        ("nordlynx", "NordVPN"),
        ("proton", "Proton VPN"),
        ("CloudflareWARP", "Cloudflare WARP"),
        ("cscotun", "Cisco AnyConnect"),
        ("gpd", "GlobalProtect"),
        ("tun", "OpenVPN or another VPN"),
        ("tap", "a VPN or a virtual machine"),
        ("ppp", "a VPN or a dial-up line"),
        ("vpn", "a VPN"),
        ("zt", "ZeroTier"),
        ("docker", "Docker"),
        ("br-", "a network of Docker"),
        ("podman", "Podman"),
        ("cni", "containers of this computer"),
        ("flannel", "a Kubernetes on this computer"),
        ("cilium", "a Kubernetes on this computer"),
        ("virbr", "libvirt"),
    ];
    OWNERS.iter().find(|(prefix, _)| device.starts_with(prefix)).map(|(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_reaches_by_itself() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let route = |text: &str, device: &str| Route { net: net(text), device: device.to_owned(), metric: 0 };
        let subnets = [net("10.96.0.0/16"), net("10.244.0.0/16"), net("fd00::/64")];
        let near = "10.244.0.7".parse().unwrap();
        let beside = |device, routes: &[Route]| reached_beside(near, Some(device), &subnets, routes);
        assert_eq!(beside("eth0", &[]), [subnets[1]], "by the default route");
        let routes = [route("10.244.0.0/16", "tun0"), route("10.0.0.0/8", "tun0"), route("fd00::/64", "eth0")];
        assert_eq!(beside("tun0", &routes), subnets[..2]);
    }

    #[test]
    fn a_conflict_names_its_likely_owner() {
        let routes = [Route { net: "10.96.0.0/16".parse().unwrap(), device: "tailscale0".to_owned(), metric: 0 }];
        let facts = Facts { own_device: "hawser0", routes: &routes, others: &[], manager: &[] };
        let fault = refusal(&find(&["10.96.0.0/16".parse().unwrap()], &facts)).unwrap();
        assert!(fault.detail.ends_with("is already routed to tailscale0, which looks like Tailscale"), "{fault}");
        assert!(fault.fix.ends_with("--never-proxy 10.96.0.0/16"), "{fault}");
    }

    #[test]
    fn every_conflict_is_found_once() {
        let route =
            |net: &str, device: &str, metric| Route { net: net.parse().unwrap(), device: device.to_owned(), metric };
        let routes = [
            route("10.96.1.0/24", "docker0", 0),
            route("10.96.1.0/24", "docker0", 100),
            route("10.96.1.0/24", "tun0", 50),
            route("10.244.0.0/16", "wg0", 0),
        ];
        let manager = ["10.244.0.9".parse().unwrap()];
        let facts = Facts { own_device: "hawser0", routes: &routes, others: &[], manager: &manager };
        let found = find(&["10.96.0.0/16".parse().unwrap(), "10.244.0.0/16".parse().unwrap()], &facts);
        let devices: Vec<Option<&str>> =
            found.iter().map(|conflict| conflict.route.as_ref().map(|route| route.device.as_str())).collect();
        assert_eq!(devices, [Some("docker0"), Some("tun0"), None, Some("wg0")]);
        let fault = refusal(&found).unwrap();
        assert!(
            fault.detail.contains("docker0") && fault.detail.ends_with("; 3 others can't be routed either"),
            "{fault}"
        );
        assert_eq!(refusal(&[]), None);
    }

    #[test]
    fn table() {
        let others = [("hawser1".to_owned(), "staging".to_owned())];
        let manager = ["203.0.113.7".parse().unwrap()];
        for (subnet, net, device, expected) in [
            // Default and wider routes stay.
            ("10.96.0.0/16", "0.0.0.0/0", "eth0", None),
            ("10.96.0.0/16", "10.0.0.0/8", "eth0", None),
            ("10.96.0.0/16", "10.97.0.0/16", "eth0", None),
            ("fd00:96::/64", "::/0", "eth0", None),
            // The same and more specific ones do not.
            ("10.96.0.0/16", "10.96.0.0/16", "docker0", Some("docker0")),
            ("10.96.0.0/16", "10.96.4.0/24", "docker0", Some("10.96.4.0/24")),
            ("fd00:96::/64", "fd00:96::/64", "eth0", Some("eth0")),
            // Our own device is none.
            ("10.96.0.0/16", "10.96.0.0/16", "hawser0", None),
            // Another connection is one in both directions.
            ("10.96.0.0/16", "10.96.0.0/16", "hawser1", Some("staging")),
            ("10.96.0.0/16", "10.0.0.0/8", "hawser1", Some("staging")),
            ("10.96.0.0/16", "10.96.4.0/24", "hawser1", Some("staging")),
            ("10.96.0.0/16", "10.97.0.0/16", "hawser1", None),
            // The manager must stay reachable.
            ("203.0.113.0/24", "0.0.0.0/0", "eth0", Some("203.0.113.7")),
        ] {
            let routes = [Route { net: net.parse().unwrap(), device: device.to_owned(), metric: 0 }];
            let facts = Facts { own_device: "hawser0", routes: &routes, others: &others, manager: &manager };
            let found = refusal(&find(&[subnet.parse().unwrap()], &facts));
            match expected {
                None => assert_eq!(found, None, "{subnet} beside {net} on {device}"),
                Some(word) => {
                    let fault = found.unwrap();
                    assert_eq!(fault.code, Code::SubnetConflict);
                    assert!(fault.detail.contains(word), "{fault}");
                }
            }
        }
    }
}
