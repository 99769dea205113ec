//! Which addresses a connection gets on the laptop: one pure function of its index.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::plane::Addresses;

/// Indices that exist: 198.18.0.0/15 (RFC 2544) has this many /24.
const INDICES: u16 = 512;

/// The device of a connection.
pub fn device(index: u16) -> String {
    format!("hawser{index}")
}

/// The domain of the names that only the connection of this device answers.
pub fn probe(device: &str) -> String {
    format!("{device}.{}", hawser_dns::PROBE)
}

/// Whether a device is one of a connection.
pub fn is_own(device: &str) -> bool {
    device.strip_prefix("hawser").is_some_and(|index| index.parse::<u16>().is_ok())
}

/// The addresses of a connection: its own, and those of its name server.
pub fn plan(index: u16) -> Addresses {
    let [high, low] = (index % INDICES).to_be_bytes();
    let v4 = |host| Ipv4Addr::new(198, 18 + high, low, host);
    let v6 = |host| Ipv6Addr::new(0xfd68, 0x6177, 0x7365, index, 0, 0, 0, host);
    Addresses { v4: v4(1), v6: v6(1), dns_v4: v4(53), dns_v6: v6(0x53) }
}

/// The lowest index that no connection holds and whose ranges the host does not route already.
pub fn choose(held: &[u16], routed: &[IpNet]) -> Option<u16> {
    (0..INDICES).find(|index| !held.contains(index) && !ranges(*index).iter().any(|range| is_routed(range, routed)))
}

/// Both networks of an index.
fn ranges(index: u16) -> [IpNet; 2] {
    let own = plan(index);
    [IpNet::V4(Ipv4Net::new_assert(own.v4, 24).trunc()), IpNet::V6(Ipv6Net::new_assert(own.v6, 64).trunc())]
}

fn is_routed(range: &IpNet, routed: &[IpNet]) -> bool {
    routed.iter().any(|net| net.prefix_len() > 0 && overlaps(net, range))
}

/// Whether two networks share an address.
pub fn overlaps(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// Why a subnet that a manager announced cannot be routed to it, if so: these belong to the laptop itself.
pub fn unroutable(net: &IpNet) -> Option<&'static str> {
    const OWN: [(&str, &str); 7] = [
        ("0.0.0.0/8", "the laptop itself"),
        ("127.0.0.0/8", "the laptop itself"),
        ("169.254.0.0/16", "the laptop's own links"),
        ("224.0.0.0/4", "multicast"),
        ("::1/128", "the laptop itself"),
        ("fe80::/10", "the laptop's own links"),
        ("ff00::/8", "multicast"),
    ];
    if net.prefix_len() == 0 {
        return Some("everything");
    }
    OWN.iter().find(|(own, _)| own.parse().is_ok_and(|own| overlaps(&own, net))).map(|(_, what)| *what)
}

/// A single address as a network.
pub fn host_net(address: impl Into<IpAddr>) -> IpNet {
    IpNet::from(address.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_by_index() {
        for (index, v4, dns_v4, v6, dns_v6) in [
            (0, "198.18.0.1", "198.18.0.53", "fd68:6177:7365::1", "fd68:6177:7365::53"),
            (1, "198.18.1.1", "198.18.1.53", "fd68:6177:7365:1::1", "fd68:6177:7365:1::53"),
            (255, "198.18.255.1", "198.18.255.53", "fd68:6177:7365:ff::1", "fd68:6177:7365:ff::53"),
            (256, "198.19.0.1", "198.19.0.53", "fd68:6177:7365:100::1", "fd68:6177:7365:100::53"),
            (511, "198.19.255.1", "198.19.255.53", "fd68:6177:7365:1ff::1", "fd68:6177:7365:1ff::53"),
        ] {
            let plan = plan(index);
            assert_eq!((plan.v4.to_string().as_str(), plan.dns_v4.to_string().as_str()), (v4, dns_v4));
            assert_eq!((plan.v6.to_string().as_str(), plan.dns_v6.to_string().as_str()), (v6, dns_v6));
        }
    }

    #[test]
    fn index_by_what_is_taken() {
        let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect::<Vec<IpNet>>();
        for (held, routed, expected) in [
            (vec![], nets(&[]), Some(0)),
            (vec![0], nets(&[]), Some(1)),
            (vec![0, 2], nets(&[]), Some(1)),
            (vec![], nets(&["0.0.0.0/0", "::/0"]), Some(0)),
            (vec![], nets(&["198.18.0.0/24"]), Some(1)),
            (vec![], nets(&["198.18.0.7/32"]), Some(1)),
            (vec![], nets(&["198.18.0.0/16"]), Some(256)),
            (vec![], nets(&["198.18.0.0/15"]), None),
            (vec![], nets(&["fd68:6177:7365::/64"]), Some(1)),
            (vec![1], nets(&["198.18.0.0/24", "198.18.2.0/23"]), Some(4)),
        ] {
            assert_eq!(choose(&held, &routed), expected, "{held:?} {routed:?}");
        }
    }

    #[test]
    fn subnets_that_stay_with_the_laptop() {
        for (net, refused) in [
            ("10.96.0.0/16", false),
            ("100.64.0.0/10", false),
            ("2001:db8::/32", false),
            ("fd00:96::/64", false),
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("127.0.0.0/8", true),
            ("127.0.0.53/32", true),
            ("169.254.169.254/32", true),
            ("224.0.0.0/4", true),
            ("128.0.0.0/1", true),
            ("fe80::/64", true),
            ("ff02::1/128", true),
        ] {
            assert_eq!(unroutable(&net.parse().unwrap()).is_some(), refused, "{net}");
        }
    }
}
