//! Which names lead to which connection: one pure function of what they ask for.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use crate::address;
use crate::connection::Names;
use crate::store::desired::Id;

/// What one connection gets of what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose it is.
    pub id: Id,
    /// Its device.
    pub device: String,
    /// Its name server.
    pub server: IpAddr,
    /// What single labels are looked up under; empty for all but the first.
    pub search: String,
    /// Everything that leads to it, its probe first and its own suffix included.
    pub domains: Vec<String>,
    /// What only this connection answers for, if nobody else has that name.
    pub suffix: Option<String>,
    /// The domain of names that only this connection knows.
    pub probe: String,
}

/// Divides the names up. The first connection is the default: plain names are its own, as far as its cluster answers for them; of
/// what is left the next one has what its cluster answers for, and so on. What stands below a name that leads to one connection
/// leads to no later one. Each has the names under its own suffix.
pub fn divide(asked: &[(Id, Names)]) -> Vec<Share> {
    let mut taken = HashSet::new();
    let mut shares = Vec::new();
    for (place, (id, names)) in asked.iter().enumerate() {
        let is_first = place == 0;
        let mut own: HashSet<String> = HashSet::new();
        let mut take = |name: &str| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let is_free = !name.is_empty() && !leads(&taken, &name) && own.insert(name.clone());
            is_free.then_some(name)
        };
        let probe = address::probe(&names.device);
        let search = if is_first { names.search_domain.clone() } else { String::new() };
        let plain = [&probe].into_iter().chain(&names.domains).chain([&search]);
        let mut domains: Vec<String> = plain.filter_map(|name| take(name)).collect();
        let suffix = take(&names.suffix);
        domains.extend(suffix.clone());
        taken.extend(own);
        let (device, server) = (names.device.clone(), names.server);
        shares.push(Share { id: id.clone(), device, server, search, domains, suffix, probe });
    }
    shares
}

/// Whether this name or one above it is among them.
fn leads(taken: &HashSet<String>, name: &str) -> bool {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
        .any(|name| taken.contains(name))
}

/// Where names are asked that are not the cluster's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstreams {
    /// The host's own name servers.
    pub plain: Vec<SocketAddr>,
    /// Name servers of connections, by domain: where the host's resolver can be told of one server only.
    pub connections: HashMap<String, SocketAddr>,
}

impl Upstreams {
    /// These servers, and those of the connections.
    pub fn new(mut plain: Vec<SocketAddr>, shares: &[Share]) -> Self {
        const PORT: u16 = 53;
        plain.retain(|server| shares.iter().all(|share| share.server != server.ip()));
        let pairs = shares.iter().flat_map(|share| share.domains.iter().map(|domain| (domain.clone(), share.server)));
        Self { plain, connections: pairs.map(|(domain, server)| (domain, (server, PORT).into())).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(index: u8, suffix: &str, domains: &[&str]) -> (Id, Names) {
        let names = Names {
            device: format!("hawser{index}"),
            server: [198, 18, index, 53].into(),
            suffix: suffix.to_owned(),
            search_domain: "shop.svc.cluster.local".to_owned(),
            domains: domains.iter().map(|name| (*name).to_owned()).collect(),
        };
        (Id { owner: 1000, name: suffix.to_owned() }, names)
    }

    #[test]
    fn the_same_names_in_two_clusters() {
        let both = ["cluster.local.", "svc", "shop"];
        let first = names(0, "prod", &both);
        let second = names(1, "Staging", &[&both[..], &["beta"]].concat());
        let shares = divide(&[first, second.clone()]);
        assert_eq!(
            shares[0].domains,
            ["hawser0.hawser-probe", "cluster.local", "svc", "shop", "shop.svc.cluster.local", "prod"]
        );
        assert_eq!((shares[0].search.as_str(), shares[0].suffix.as_deref()), ("shop.svc.cluster.local", Some("prod")));
        assert_eq!(shares[1].domains, ["hawser1.hawser-probe", "beta", "staging"]);
        assert_eq!((shares[1].search.as_str(), shares[1].suffix.as_deref()), ("", Some("staging")));
        // What was the second one's inherits the plain names.
        assert_eq!(divide(&[second])[0].domains.len(), 7);
    }

    /// A longer domain is what systemd-resolved goes by: `web.beta.svc.cluster.local` would go to the second one.
    #[test]
    fn nothing_below_a_name_of_the_first_leads_to_another() {
        let first = names(0, "prod", &["cluster.local", "svc"]);
        let (id, mut second) = names(1, "eu.prod", &["beta.svc.cluster.local", "svc.other.local", "other.local"]);
        second.search_domain = "beta.svc.cluster.local".to_owned();
        let shares = divide(&[first, (id, second)]);
        assert_eq!(shares[1].domains, ["hawser1.hawser-probe", "svc.other.local", "other.local"]);
        assert_eq!(shares[1].suffix, None);
    }

    #[test]
    fn a_suffix_that_is_somebody_elses_name_is_nobodys() {
        let shares = divide(&[names(0, "shop", &["shop"]), names(1, "shop", &[]), names(2, "svc", &["svc"])]);
        assert!(shares.iter().all(|share| share.suffix.is_none()), "{shares:?}");
        for (index, share) in shares.iter().enumerate() {
            assert_eq!(share.domains[0], format!("hawser{index}.hawser-probe"), "each can be asked for");
        }
    }

    #[test]
    fn upstreams_never_lead_back() {
        let shares = divide(&[names(0, "prod", &["cluster.local"]), names(1, "staging", &["beta"])]);
        let plain = ["198.18.1.53:53", "192.0.2.53:53"].map(|text| text.parse().unwrap());
        let upstreams = Upstreams::new(plain.into(), &shares);
        assert_eq!(upstreams.plain, [plain[1]]);
        assert_eq!(upstreams.connections["staging"], plain[0]);
        assert_eq!(upstreams.connections["beta"], plain[0]);
    }
}
