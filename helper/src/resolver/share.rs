//! Which names lead to which connection: one pure function of what they ask for.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

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
    /// Everything that leads to it, its own suffix included.
    pub domains: Vec<String>,
    /// What only this connection answers for, if nobody else has that name.
    pub suffix: Option<String>,
}

/// Divides the names up. The first connection is the default: plain names are its own, as far as its cluster answers for them; of
/// what is left the next one has what its cluster answers for, and so on. Each has the names under its own suffix.
pub fn divide(asked: &[(Id, Names)]) -> Vec<Share> {
    let mut taken = HashSet::new();
    let mut shares = Vec::new();
    for (place, (id, names)) in asked.iter().enumerate() {
        let mut take = |name: &str| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            (!name.is_empty() && taken.insert(name.clone())).then_some(name)
        };
        let search = if place == 0 { names.search_domain.clone() } else { String::new() };
        let plain = names.domains.iter().chain([&names.search_domain]);
        let mut domains: Vec<String> = plain.filter_map(|name| take(name)).collect();
        let suffix = take(&names.suffix);
        domains.extend(suffix.clone());
        shares.push(Share {
            id: id.clone(),
            device: names.device.clone(),
            server: names.server,
            search,
            domains,
            suffix,
        });
    }
    shares
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
        assert_eq!(shares[0].domains, ["cluster.local", "svc", "shop", "shop.svc.cluster.local", "prod"]);
        assert_eq!((shares[0].search.as_str(), shares[0].suffix.as_deref()), ("shop.svc.cluster.local", Some("prod")));
        assert_eq!(shares[1].domains, ["beta", "staging"]);
        assert_eq!((shares[1].search.as_str(), shares[1].suffix.as_deref()), ("", Some("staging")));
        // What was the second one's inherits the plain names.
        assert_eq!(divide(&[second])[0].domains.len(), 6);
    }

    #[test]
    fn a_suffix_that_is_somebody_elses_name_is_nobodys() {
        let shares = divide(&[names(0, "shop", &["shop"]), names(1, "shop", &[]), names(2, "svc", &["svc"])]);
        assert!(shares.iter().all(|share| share.suffix.is_none()), "{shares:?}");
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
