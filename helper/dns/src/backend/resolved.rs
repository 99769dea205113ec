//! What systemd-resolved is told about our link (org.freedesktop.resolve1(5)). Its settings die with the link.

use std::collections::HashSet;
use std::net::IpAddr;

/// Domains that a link may have: of systemd-resolved since 246, and before. With more than that it refuses them all.
pub const ROOM: [usize; 2] = [1_024, 256];

/// How an errno that means "too many of them" is called on the bus.
pub const TOO_MANY: &str = "System.Error.E2BIG";

/// A domain of a link: its name, and whether it only routes. Single labels are looked up under the others.
pub type Domain = (String, bool);

/// What a link gets, at most `room` of it: first what single labels are looked up under, then what the cluster answers for in
/// its own order, and reverse zones last, which the fewest miss. The root is left out, which would take every name from the
/// other links. Says how many had no room.
pub fn domains(search: &str, routed: &[String], room: usize) -> (Vec<Domain>, usize) {
    let (reverse, forward): (Vec<&String>, Vec<&String>) = routed.iter().partition(|name| is_reverse(name));
    let search = Some((search, false)).filter(|(name, _)| !name.is_empty());
    let all = search.into_iter().chain(forward.into_iter().chain(reverse).map(|name| (name.as_str(), true)));
    let mut known = HashSet::new();
    let mut domains: Vec<Domain> = all
        .map(|(name, only_routes)| (name.trim_end_matches('.').to_ascii_lowercase(), only_routes))
        .filter(|(name, _)| !name.is_empty() && known.insert(name.clone()))
        .collect();
    let left_out = domains.len().saturating_sub(room);
    domains.truncate(room);
    (domains, left_out)
}

/// An address as the bus has it: family and bytes.
pub fn address(address: IpAddr) -> (i32, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (nix::libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (nix::libc::AF_INET6, address.octets().to_vec()),
    }
}

/// The other way round; nothing if it is none.
pub fn parse_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn is_reverse(name: &str) -> bool {
    name.trim_end_matches('.').to_ascii_lowercase().ends_with(".arpa")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_gets() {
        let routed = ["10.in-addr.arpa", "Cluster.Local.", "svc", "shop", "SHOP", ".", "", "shop.svc.cluster.local"];
        let routed = routed.map(str::to_owned);
        let (found, left_out) = domains("shop.svc.cluster.local", &routed, ROOM[0]);
        let found: Vec<String> =
            found.iter().map(|(name, only_routes)| format!("{}{name}", if *only_routes { "~" } else { "" })).collect();
        assert_eq!(found, ["shop.svc.cluster.local", "~cluster.local", "~svc", "~shop", "~10.in-addr.arpa"]);
        assert_eq!(left_out, 0);
        assert_eq!(domains("", &["svc".to_owned()], 1).0, [("svc".to_owned(), true)]);
    }

    #[test]
    fn more_than_a_link_can_have() {
        let mut routed = vec!["10.in-addr.arpa".to_owned(), "cluster.local".to_owned()];
        routed.extend((0..4_000).map(|number| format!("team-{number}")));
        for room in ROOM {
            let (found, left_out) = domains("a.svc.cluster.local", &routed, room);
            assert_eq!((found.len(), left_out), (room, routed.len() + 1 - room));
            assert_eq!(found[1].0, "cluster.local");
            assert!(!found.iter().any(|(name, _)| name.ends_with(".arpa")));
        }
    }

    #[test]
    fn addresses_go_both_ways() {
        for text in ["198.18.0.53", "fd68:6177:7365::53"] {
            let there: IpAddr = text.parse().unwrap();
            assert_eq!(parse_address(&address(there).1), Some(there));
        }
        assert_eq!(parse_address(&[1, 2, 3]), None);
    }
}
