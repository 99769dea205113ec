//! Which subnets are routed to a connection: pure functions of what the manager says and what the user wants.

use ipnet::IpNet;

use crate::address::overlaps;

/// `wanted` without what `excluded` takes out of it. Of two that overlap the longer prefix wins, so an excluded subnet makes
/// a hole in a wider wanted one, and a wanted one stands in a wider excluded one. The result has no doubles and no overlaps.
pub fn carve(wanted: &[IpNet], excluded: &[IpNet]) -> Vec<IpNet> {
    let holes: Vec<IpNet> = excluded.iter().map(IpNet::trunc).collect();
    let mut routed = Vec::new();
    for net in wanted.iter().map(IpNet::trunc) {
        let mut pieces = vec![net];
        for hole in holes.iter().filter(|hole| net.contains(*hole)) {
            pieces = pieces.iter().flat_map(|piece| without(piece, hole)).collect();
        }
        routed.extend(pieces);
    }
    // A hole may lie around a whole wanted subnet too.
    routed.retain(|piece| {
        let longest =
            |nets: &[IpNet]| nets.iter().filter(|net| net.trunc().contains(piece)).map(IpNet::prefix_len).max();
        longest(wanted) > longest(excluded)
    });
    IpNet::aggregate(&routed)
}

/// A network without a part of it, as the fewest networks that are left.
fn without(net: &IpNet, hole: &IpNet) -> Vec<IpNet> {
    if !overlaps(net, hole) {
        return vec![*net];
    }
    if hole.contains(net) {
        return Vec::new();
    }
    let halves = net.subnets(net.prefix_len() + 1);
    halves.into_iter().flatten().flat_map(|half| without(&half, hole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let table: [(&[&str], &[&str], &str); 8] = [
            (&["10.96.0.0/16"], &[], "10.96.0.0/16"),
            (&["10.96.0.0/16"], &["10.97.0.0/16"], "10.96.0.0/16"),
            (&["10.96.0.0/30"], &["10.96.0.1/32"], "10.96.0.0/32 10.96.0.2/31"),
            (&["10.0.0.0/24"], &["10.0.0.0/28"], "10.0.0.16/28 10.0.0.32/27 10.0.0.64/26 10.0.0.128/25"),
            (&["10.0.0.0/28"], &["10.0.0.0/24"], "10.0.0.0/28"),
            (&["10.0.0.0/24"], &["10.0.0.0/24"], ""),
            (&["10.0.0.0/25", "10.0.0.0/30"], &["10.0.0.0/26"], "10.0.0.0/30 10.0.0.64/26"),
            (&["fd00::/126", "10.0.0.1/8"], &["fd00::2/128"], "10.0.0.0/8 fd00::/127 fd00::3/128"),
        ];
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        for (wanted, excluded, expected) in table {
            let routed: Vec<String> = carve(&nets(wanted), &nets(excluded)).iter().map(ToString::to_string).collect();
            assert_eq!(routed.join(" "), expected, "{wanted:?} without {excluded:?}");
        }
    }
}
