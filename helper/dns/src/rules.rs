//! Whose name is it? A pure function of the name and of what the cluster announced.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::wire::{self, NAME};

/// What a cluster announces about names. Names are text, with or without a dot at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterNames {
    /// Suffixes that the cluster answers for.
    pub domains: Vec<String>,
    /// What single labels are looked up under; empty for nothing.
    pub search_domain: String,
    /// Suffixes that stay the host's, where they are longer than one of `domains`, or as long.
    pub excluded_domains: Vec<String>,
    /// Whole names that stay the host's, as they are asked for.
    pub excluded_names: Vec<String>,
    /// Names that stand for others, or for an address: the name, then what it stands for.
    pub aliases: Vec<(String, String)>,
    /// What the connection to it is called: names under this suffix are this cluster's, whatever else has them too. Empty
    /// for nothing.
    pub suffix: String,
    /// A domain under [`PROBE`], and what all its names stand for: whoever gets this answer has asked here.
    pub probe: Option<(String, IpAddr)>,
}

/// The domain of names that Hawser asks for itself, to see who answers.
pub const PROBE: &str = "hawser-probe";

/// Names that programs try by themselves to find a proxy or a gateway. Whoever answers one in a cluster would take over
/// the laptop's traffic, so nobody gets to (they are also on Windows' global query block list).
const NEVER_ASKED: [&[u8]; 2] = [b"\x04wpad", b"\x06isatap"];

/// Names that belong to the laptop itself (RFC 6761 section 6.3).
const OWN: &[u8] = b"\x09localhost\0";

/// A domain that can't be routed to the cluster.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DomainError {
    /// It isn't a name (RFC 1035 section 2.3.4).
    #[error("the domain {0:?} is not a name: labels have 1 to 63 bytes, names at most 255")]
    Malformed(String),
    /// It is the root, which would take every name away from the host.
    #[error("the root domain cannot be routed to the cluster, since that would take every name from the host")]
    Root,
}

/// What is done with a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// NXDOMAIN, here and now.
    Refuse,
    /// The host's own name servers know.
    Host,
    /// The cluster knows it, as `name` if that differs from the one asked for. If `shared`, the host's own name servers
    /// are asked about what the cluster doesn't know. If `flat`, the answer is given as that to the name asked for: the
    /// other name may be another cluster's too.
    Cluster { name: Option<Box<[u8]>>, shared: bool, flat: bool },
    /// It stands for this address.
    Address(IpAddr),
}

/// Which names are the cluster's. Names here are in wire format and lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    domains: HashSet<Box<[u8]>>,
    search: Option<Box<[u8]>>,
    excluded_domains: HashSet<Box<[u8]>>,
    excluded_names: HashSet<Box<[u8]>>,
    aliases: HashMap<Box<[u8]>, Target>,
    suffix: Option<Box<[u8]>>,
    probe: Option<(Box<[u8]>, IpAddr)>,
}

/// What an alias stands for.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Name(Box<[u8]>),
    Address(IpAddr),
}

impl Rules {
    pub(crate) fn new(names: &ClusterNames) -> Result<Self, DomainError> {
        let set = |texts: &[String]| texts.iter().map(|text| parse_domain(text)).collect::<Result<HashSet<_>, _>>();
        let search = if names.search_domain.is_empty() { None } else { Some(parse_domain(&names.search_domain)?) };
        let mut domains = set(&names.domains)?;
        domains.extend(search.clone());
        let suffix = if names.suffix.is_empty() { None } else { Some(parse_domain(&names.suffix)?) };
        let probe = match &names.probe {
            Some((domain, server)) => Some((parse_domain(domain)?, *server)),
            None => None,
        };
        let alias = |(name, target): &(String, String)| {
            let target = match target.parse() {
                Ok(address) => Target::Address(address),
                Err(_) => Target::Name(parse_domain(target)?),
            };
            Ok((parse_domain(name)?, target))
        };
        Ok(Self {
            domains,
            search,
            excluded_domains: set(&names.excluded_domains)?,
            excluded_names: set(&names.excluded_names)?,
            aliases: names.aliases.iter().map(alias).collect::<Result<_, _>>()?,
            suffix,
            probe,
        })
    }

    /// `name` is in wire format and lower case.
    pub(crate) fn judge(&self, name: &[u8]) -> Verdict {
        if name == [0] || wire::suffixes(name).any(|suffix| suffix == OWN) {
            return Verdict::Host;
        }
        if let Some((probe, server)) = &self.probe
            && wire::suffixes(name).any(|suffix| suffix == &**probe)
        {
            return Verdict::Address(*server);
        }
        if self.excluded_names.contains(name) {
            return Verdict::Host;
        }
        match self.aliases.get(name) {
            Some(Target::Address(address)) => return Verdict::Address(*address),
            Some(Target::Name(target)) => return self.aliased(target),
            None => {}
        }
        let labels = wire::suffixes(name).count();
        let longest = |domains: &HashSet<Box<[u8]>>| wire::suffixes(name).find(|suffix| domains.contains(*suffix));
        let excluded = longest(&self.excluded_domains).map_or(0, <[u8]>::len);
        let domain = longest(&self.domains).filter(|domain| domain.len() > excluded);
        let longest = excluded.max(domain.map_or(0, <[u8]>::len));
        if let Some(inner) =
            self.suffix.as_ref().filter(|suffix| suffix.len() > longest).and_then(|own| before(name, own))
        {
            return if never_asked(name) { Verdict::Refuse } else { self.own(&inner) };
        }
        let search = self.search.as_ref().filter(|_| labels == 1);
        if domain.is_none() && search.is_none() {
            return if labels == 1 && never_asked(name) { Verdict::Refuse } else { Verdict::Host };
        }
        if never_asked(name) {
            return Verdict::Refuse;
        }
        if let Some(search) = search {
            // A label alone is somebody's short name; which network's, only the answers can tell.
            return match under(name, search) {
                Some(full) => Verdict::Cluster { name: Some(full), shared: true, flat: false },
                None => Verdict::Host,
            };
        }
        // A namespace may be called like a top-level domain (`dev`, `app`), whose other names stay the host's.
        let shared = domain.is_some_and(|domain| wire::suffixes(domain).count() == 1);
        Verdict::Cluster { name: None, shared, flat: false }
    }

    /// What stands behind an alias is the cluster's, whatever it's called.
    fn aliased(&self, target: &[u8]) -> Verdict {
        Verdict::Cluster { name: Some(self.full(target)), shared: false, flat: false }
    }

    /// What stands before the connection's own suffix is the cluster's. The suffix may be a domain of the host's too.
    fn own(&self, name: &[u8]) -> Verdict {
        Verdict::Cluster { name: Some(self.full(name)), shared: true, flat: true }
    }

    /// A single label is looked up under the search domain.
    fn full(&self, name: &[u8]) -> Box<[u8]> {
        let search = self.search.as_ref().filter(|_| wire::suffixes(name).count() == 1);
        search.and_then(|search| under(name, search)).unwrap_or_else(|| name.into())
    }
}

/// What stands before `suffix` in a name, as a name of its own.
fn before(name: &[u8], suffix: &[u8]) -> Option<Box<[u8]>> {
    let is_under = name.len() > suffix.len() && wire::suffixes(name).any(|tail| tail == suffix);
    is_under.then(|| [&name[..name.len() - suffix.len()], &[0]].concat().into())
}

/// A name below a domain, unless it gets too long.
fn under(name: &[u8], domain: &[u8]) -> Option<Box<[u8]>> {
    let full = [&name[..name.len() - 1], domain].concat();
    (full.len() <= NAME).then(|| full.into())
}

fn never_asked(name: &[u8]) -> bool {
    NEVER_ASKED.iter().any(|never| name.starts_with(never))
}

/// Whether a text is a name that can be routed (RFC 1035 section 2.3.4).
pub fn is_domain(text: &str) -> bool {
    parse_domain(text).is_ok()
}

fn parse_domain(text: &str) -> Result<Box<[u8]>, DomainError> {
    let malformed = || DomainError::Malformed(text.to_owned());
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.is_empty() {
        return Err(if text == "." { DomainError::Root } else { malformed() });
    }
    let mut name = Vec::with_capacity(labels.len() + 2);
    for label in labels.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length)).ok_or_else(malformed)?;
        if !label.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(malformed());
        }
        name.push(length);
        name.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    name.push(0);
    if name.len() > NAME { Err(malformed()) } else { Ok(name.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire_name(text: &str) -> Box<[u8]> {
        if text == "." { Box::new([0]) } else { parse_domain(text).unwrap() }
    }

    fn rules(domains: &[&str], search: &str) -> Rules {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        Rules::new(&ClusterNames { domains, search_domain: search.to_owned(), ..ClusterNames::default() }).unwrap()
    }

    #[test]
    fn names_find_their_owner() {
        let cluster = |name: Option<&str>, shared| Verdict::Cluster { name: name.map(wire_name), shared, flat: false };
        let with_search = rules(&["demo.local", "dev", "96.10.in-addr.arpa."], "Shop.svc.demo.local");
        let without_search = rules(&["demo.local"], "");
        let nothing = Rules::default();
        for (rules, name, verdict) in [
            (&with_search, "web.shop.svc.demo.local", cluster(None, false)),
            (&with_search, "demo.local", cluster(None, false)),
            (&with_search, "xdemo.local", Verdict::Host),
            (&with_search, "local", cluster(Some("local.shop.svc.demo.local"), true)),
            (&with_search, "web", cluster(Some("web.shop.svc.demo.local"), true)),
            (&with_search, "web.dev", cluster(None, true)),
            (&with_search, "a.b.dev", cluster(None, true)),
            (&with_search, "dev", cluster(Some("dev.shop.svc.demo.local"), true)),
            (&with_search, "dev.example", Verdict::Host),
            (&with_search, "1.0.96.10.in-addr.arpa", cluster(None, false)),
            (&with_search, "example.org", Verdict::Host),
            (&with_search, ".", Verdict::Host),
            (&with_search, "localhost", Verdict::Host),
            (&with_search, "web.localhost", Verdict::Host),
            (&with_search, "notlocalhost", cluster(Some("notlocalhost.shop.svc.demo.local"), true)),
            (&with_search, "wpad", Verdict::Refuse),
            (&with_search, "isatap", Verdict::Refuse),
            (&with_search, "wpad.demo.local", Verdict::Refuse),
            (&with_search, "wpad.shop.svc.demo.local", Verdict::Refuse),
            (&with_search, "wpad.dev", Verdict::Refuse),
            (&with_search, "wpad.example.org", Verdict::Host),
            (&with_search, "wpadded", cluster(Some("wpadded.shop.svc.demo.local"), true)),
            (&without_search, "web", Verdict::Host),
            (&without_search, "wpad", Verdict::Refuse),
            (&nothing, "web.shop.svc.demo.local", Verdict::Host),
        ] {
            assert_eq!(rules.judge(&wire_name(name)), verdict, "{name}");
        }
    }

    #[test]
    fn exclusions_and_aliases() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let alias = |(name, target): (&str, &str)| (name.to_owned(), target.to_owned());
        let rules = Rules::new(&ClusterNames {
            domains: texts(&["cluster.local", "team", "org", "in.corp.example"]),
            search_domain: "shop.svc.cluster.local".to_owned(),
            excluded_domains: texts(&["example.org", "corp.example", "team"]),
            excluded_names: texts(&["web", "web.shop", "Web.shop.svc.cluster.local"]),
            aliases: [("db", "postgres"), ("db.corp", "postgres.data"), ("own", "127.0.0.1"), ("six", "::1")]
                .map(alias)
                .into(),
            ..ClusterNames::default()
        })
        .unwrap();
        let cluster = |name: Option<&str>, shared| Verdict::Cluster { name: name.map(wire_name), shared, flat: false };
        for (name, verdict) in [
            ("debian.org", cluster(None, true)),
            ("www.example.org", Verdict::Host),
            ("host.corp.example", Verdict::Host),
            ("host.in.corp.example", cluster(None, false)),
            ("board.team", Verdict::Host),
            ("web", Verdict::Host),
            ("web.shop", Verdict::Host),
            ("web.shop.svc.cluster.local", Verdict::Host),
            ("web2", cluster(Some("web2.shop.svc.cluster.local"), true)),
            ("db", cluster(Some("postgres.shop.svc.cluster.local"), false)),
            ("db.corp", cluster(Some("postgres.data"), false)),
            ("own", Verdict::Address([127, 0, 0, 1].into())),
            ("six", Verdict::Address(std::net::Ipv6Addr::LOCALHOST.into())),
        ] {
            assert_eq!(rules.judge(&wire_name(name)), verdict, "{name}");
        }
    }

    #[test]
    fn names_under_the_connections_own_suffix() {
        let rules = |suffix: &str| {
            Rules::new(&ClusterNames {
                domains: vec!["cluster.local".to_owned(), "shop".to_owned(), "team.staging".to_owned()],
                search_domain: "shop.svc.cluster.local".to_owned(),
                excluded_domains: vec!["lan.staging".to_owned()],
                suffix: suffix.to_owned(),
                probe: Some(("hawser1.hawser-probe".to_owned(), [198, 18, 1, 53].into())),
                ..ClusterNames::default()
            })
            .unwrap()
        };
        let own = |name: &str| Verdict::Cluster { name: Some(wire_name(name)), shared: true, flat: true };
        let plain = |shared| Verdict::Cluster { name: None, shared, flat: false };
        let staging = rules("Staging");
        for (name, verdict) in [
            ("web.shop.staging", own("web.shop")),
            ("web.staging", own("web.shop.svc.cluster.local")),
            ("web.shop.svc.cluster.local.staging", own("web.shop.svc.cluster.local")),
            ("web.shop", plain(true)),
            ("db.team.staging", plain(false)),
            ("printer.lan.staging", Verdict::Host),
            ("wpad.staging", Verdict::Refuse),
            ("web.xstaging", Verdict::Host),
            ("x1.hawser1.hawser-probe", Verdict::Address([198, 18, 1, 53].into())),
            ("x1.hawser0.hawser-probe", Verdict::Host),
            ("x1.hawser-probe.staging", own("x1.hawser-probe")),
        ] {
            assert_eq!(staging.judge(&wire_name(name)), verdict, "{name}");
        }
        assert_eq!(
            rules("shop").judge(&wire_name("web.shop")),
            plain(true),
            "a namespace is meant, not the connection"
        );
        assert_eq!(rules("").judge(&wire_name("web.staging")), Verdict::Host);
    }

    #[test]
    fn a_label_that_leaves_no_room_for_the_search_domain_is_the_hosts() {
        let search = ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join(".");
        assert_eq!(rules(&[], &search).judge(&wire_name(&"e".repeat(20))), Verdict::Host);
    }

    #[test]
    fn bad_domains_are_named() {
        let malformed = |text: &str| Err(DomainError::Malformed(text.to_owned()));
        assert_eq!(parse_domain("."), Err(DomainError::Root));
        for text in ["", "a..b", ".a", "a b", "a\\b", "dé", &"a".repeat(64), &"abc.".repeat(64)] {
            assert_eq!(parse_domain(text), malformed(text));
        }
    }
}
