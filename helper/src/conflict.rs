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

/// The first conflict, as the fault that the user gets.
///
/// A host's route that is wider than the subnet (the default route above all) stays as it is and is no conflict: ours is
/// more specific. Between two connections any overlap is one, because neither can be said to be meant.
pub fn find(subnets: &[IpNet], facts: &Facts<'_>) -> Option<Fault> {
    subnets.iter().find_map(|subnet| manager_inside(subnet, facts).or_else(|| routed_elsewhere(subnet, facts)))
}

fn manager_inside(subnet: &IpNet, facts: &Facts<'_>) -> Option<Fault> {
    let inside = facts.manager.iter().find(|address| subnet.contains(*address))?;
    let detail = format!("the cluster's subnet {subnet} contains the manager's own address {inside}");
    Some(
        Fault::new(Code::SubnetConflict, detail)
            .with_fix("Serve a smaller subnet, or reach the manager by another address."),
    )
}

fn routed_elsewhere(subnet: &IpNet, facts: &Facts<'_>) -> Option<Fault> {
    facts.routes.iter().filter(|route| route.device != facts.own_device).find_map(|route| {
        let other = facts.others.iter().find(|(device, _)| *device == route.device);
        match other {
            Some((device, name)) if overlaps(subnet, &route.net) => {
                let detail = format!("{subnet} overlaps {} of the connection {name} ({device})", route.net);
                Some(
                    Fault::new(Code::SubnetConflict, detail)
                        .with_fix(format!("Disconnect it with: hawser disconnect {name}")),
                )
            }
            None if subnet.contains(&route.net) => {
                let owner = likely_owner(&route.device).map(|owner| format!(", which looks like {owner}"));
                let owner = owner.unwrap_or_default();
                let detail = format!("{} in {subnet} is already routed to {}{owner}", route.net, route.device);
                Some(Fault::new(Code::SubnetConflict, detail).with_fix(format!(
                    "End what routes it, or leave it out with: hawser connect --never-proxy {}",
                    route.net
                )))
            }
            _ => None,
        }
    })
}

/// Of a cluster's subnets, those that the host reaches by itself, given that it so reaches `near` by `device`: the one that `near`
/// is in, and those that the host routes to the same device.
pub fn reached_beside(near: IpAddr, device: Option<&str>, subnets: &[IpNet], routes: &[Route]) -> Vec<IpNet> {
    let is_routed =
        |subnet: &IpNet| routes.iter().any(|route| Some(&*route.device) == device && route.net.contains(subnet));
    subnets.iter().filter(|subnet| subnet.contains(&near) || is_routed(subnet)).copied().collect()
}

/// Whose a device is, by what its owner calls it.
fn likely_owner(device: &str) -> Option<&'static str> {
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
        let fault = find(&["10.96.0.0/16".parse().unwrap()], &facts).unwrap();
        assert!(fault.detail.ends_with("is already routed to tailscale0, which looks like Tailscale"), "{fault}");
        assert!(fault.fix.ends_with("--never-proxy 10.96.0.0/16"), "{fault}");
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
            let found = find(&[subnet.parse().unwrap()], &facts);
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
