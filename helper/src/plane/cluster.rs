//! What the manager says of its cluster, from the wire and over its changes.

use hawser_dns::ClusterNames;
use hawser_tunnel::error::LinkError;
use hawser_tunnel::proto::{Change, HelloReply};
use ipnet::IpNet;

use super::{ClusterInfo, Served};

impl ClusterInfo {
    /// What the first exchange said.
    pub(super) fn of(hello: &HelloReply) -> Result<Self, LinkError> {
        Ok(Self {
            software: hello.software.clone(),
            way: String::new(),
            peer: None,
            subnets: nets(&hello.subnets)?,
            excluded_subnets: nets(&hello.excluded_subnets)?,
            left_alone: Vec::new(),
            names: ClusterNames {
                domains: hello.domains.clone(),
                search_domain: hello.search_domain.clone(),
                excluded_domains: hello.excluded_domains.clone(),
                excluded_names: hello.excluded_names.clone(),
                aliases: hello.aliases.iter().map(|alias| (alias.name.clone(), alias.target.clone())).collect(),
                ..ClusterNames::default()
            },
            served: Served {
                also: nets(&hello.also_subnets)?,
                never: nets(&hello.excluded_subnets)?,
                agent_idle_s: hello.agent_idle_s,
            },
        })
    }

    /// Takes in what has changed since.
    pub(super) fn apply(&mut self, change: &Change) -> Result<(), LinkError> {
        if change.whole {
            self.subnets.clear();
            self.names.domains.clear();
        }
        let (added, removed) = (nets(&change.added_subnets)?, nets(&change.removed_subnets)?);
        self.subnets.retain(|net| !removed.contains(net) && !added.contains(net));
        self.subnets.extend(added);
        self.names
            .domains
            .retain(|name| !change.removed_domains.contains(name) && !change.added_domains.contains(name));
        self.names.domains.extend_from_slice(&change.added_domains);
        Ok(())
    }
}

fn nets(texts: &[String]) -> Result<Vec<IpNet>, LinkError> {
    let net = |text: &String| {
        let net: Option<IpNet> = text.parse().ok();
        net.filter(|net| net.prefix_len() > 0)
            .ok_or_else(|| LinkError::Hello(format!("the manager names an impossible subnet: {text:?}")))
    };
    texts.iter().map(net).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_administrators_have_set_stays() {
        let hello = HelloReply {
            subnets: texts(&["10.0.0.0/24", "192.0.2.0/24"]),
            also_subnets: texts(&["192.0.2.0/24"]),
            excluded_subnets: texts(&["10.0.0.8/32"]),
            agent_idle_s: 600,
            ..HelloReply::default()
        };
        let mut cluster = ClusterInfo::of(&hello).unwrap();
        let served = Served {
            also: vec!["192.0.2.0/24".parse().unwrap()],
            never: vec!["10.0.0.8/32".parse().unwrap()],
            agent_idle_s: 600,
        };
        assert_eq!(cluster.served, served);
        cluster.apply(&Change { whole: true, ..Change::default() }).unwrap();
        assert_eq!(cluster.served, served);
        let impossible = HelloReply { also_subnets: texts(&["10.0.0.0"]), ..HelloReply::default() };
        assert!(ClusterInfo::of(&impossible).is_err());
    }

    #[test]
    fn changes_are_taken_in() {
        let hello = HelloReply {
            subnets: texts(&["10.0.0.0/24", "10.0.1.0/24"]),
            domains: texts(&["cluster.local", "shop"]),
            ..HelloReply::default()
        };
        let mut cluster = ClusterInfo::of(&hello).unwrap();
        let change = Change {
            added_subnets: texts(&["10.0.2.0/24", "10.0.1.0/24"]),
            removed_subnets: texts(&["10.0.0.0/24"]),
            added_domains: texts(&["team"]),
            removed_domains: texts(&["shop"]),
            whole: false,
        };
        cluster.apply(&change).unwrap();
        let shown: Vec<String> = cluster.subnets.iter().map(ToString::to_string).collect();
        assert_eq!(
            (shown, cluster.names.domains.clone()),
            (texts(&["10.0.2.0/24", "10.0.1.0/24"]), texts(&["cluster.local", "team"]))
        );
        cluster.apply(&Change { whole: true, added_domains: texts(&["a"]), ..Change::default() }).unwrap();
        assert!(cluster.subnets.is_empty() && cluster.names.domains == ["a"]);
        let impossible = Change { added_subnets: texts(&["0.0.0.0/0"]), ..Change::default() };
        assert!(cluster.apply(&impossible).is_err());
    }
}
