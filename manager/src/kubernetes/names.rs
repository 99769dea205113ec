//! Which names are the cluster's, and what they mean to a pod in it.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use hawser_fault::Fault;
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record};
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::mirror::{Mirror, follow};
use super::settings::Settings;
use crate::resolver::{Upstream, respond};

/// Time to live of the link from a short name to a full one, in seconds.
const TTL: u32 = 30;

/// The cluster's names.
pub struct Names {
    cluster_domain: String,
    included: Vec<String>,
    /// Given by the chart; `None` for all.
    given: Option<Vec<String>>,
    namespaces: RwLock<Mirror<()>>,
    upstream: Upstream,
}

impl Names {
    /// Begins to follow namespaces.
    ///
    /// # Errors
    /// `dns-unavailable` if the pod has no name server.
    pub fn follow(client: &Client, settings: &Settings, changes: watch::Sender<()>) -> Result<Arc<Self>, Fault> {
        let cluster_domain = match settings.dns.cluster_domain.trim_matches('.') {
            "" => cluster_domain(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default()),
            given => given.to_ascii_lowercase(),
        };
        let names = Arc::new(Self {
            cluster_domain,
            included: settings.dns.include_suffixes.iter().map(|name| name.trim_matches('.').to_owned()).collect(),
            given: Some(settings.namespaces.clone()).filter(|given| !given.is_empty()),
            namespaces: RwLock::default(),
            upstream: Upstream::new(&[])?,
        });
        if names.given.is_none() {
            let (names, api) = (names.clone(), Api::<PartialObjectMeta<Namespace>>::all(client.clone()));
            tokio::spawn(async move {
                let told = |event| {
                    if names.namespaces.write().take(event, |_| Some(())) {
                        changes.send_replace(());
                    }
                };
                follow(api, Config::default(), told).await;
            });
        }
        Ok(names)
    }

    /// Whether all namespaces are known.
    pub fn is_ready(&self) -> bool {
        self.given.is_some() || self.namespaces.read().is_complete()
    }

    /// The suffixes of the cluster's names: its domain, `svc`, every namespace, and what the chart includes.
    pub fn domains(&self) -> Vec<String> {
        let mut domains = vec![self.cluster_domain.clone(), "svc".to_owned()];
        match &self.given {
            Some(given) => domains.extend_from_slice(given),
            None => domains.extend(self.namespaces.read().iter().map(|(name, ())| name.clone())),
        }
        domains.extend_from_slice(&self.included);
        domains
    }

    /// What completes a single label for a connection to `namespace`.
    pub fn search_domain(&self, namespace: &str) -> String {
        if namespace.is_empty() { String::new() } else { format!("{namespace}.svc.{}", self.cluster_domain) }
    }

    /// Answers a query as the resolver of a pod would.
    pub async fn resolve(&self, query: Bytes) -> Option<Bytes> {
        let query = Message::from_vec(&query).ok()?;
        let question = query.queries.first()?;
        let Some(full) = self.complete(question.name()) else {
            return respond(&query, self.upstream.answer(question).await?);
        };
        let mut asked = Query::query(full.clone(), question.query_type());
        asked.set_query_class(question.query_class());
        let mut answer = self.upstream.answer(&asked).await?;
        if !answer.records.is_empty() {
            let link = Record::from_rdata(question.name().clone(), TTL, RData::CNAME(CNAME(full)));
            answer.records.insert(0, link);
        }
        respond(&query, answer)
    }

    /// The full name for `service.namespace` and `service.namespace.svc`, as a pod's search list makes it.
    fn complete(&self, name: &Name) -> Option<Name> {
        let text = name.to_lowercase().to_ascii();
        let text = text.trim_end_matches('.');
        let under = |domain: &str| {
            text.len() > domain.len() && text.ends_with(domain) && text[..text.len() - domain.len()].ends_with('.')
        };
        if under(&self.cluster_domain) || self.included.iter().any(|domain| under(domain)) {
            return None;
        }
        let full = match text.rsplit_once('.')? {
            (_, "svc") => format!("{text}.{}.", self.cluster_domain),
            (_, namespace) if self.is_namespace(namespace) => format!("{text}.svc.{}.", self.cluster_domain),
            _ => return None,
        };
        Name::from_ascii(full).ok()
    }

    fn is_namespace(&self, name: &str) -> bool {
        match &self.given {
            Some(given) => given.iter().any(|given| given == name),
            None => self.namespaces.read().contains(name),
        }
    }
}

/// The domain in a pod's search list: `svc.` is before it.
fn cluster_domain(resolv_conf: &str) -> String {
    let searches =
        resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("search")).flat_map(str::split_whitespace);
    let found = searches.filter_map(|suffix| suffix.strip_prefix("svc.")).next();
    found.unwrap_or("cluster.local").trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_completed_as_in_a_pod() {
        let names = Names {
            cluster_domain: "cluster.local".to_owned(),
            included: vec!["corp.example".to_owned()],
            given: Some(vec!["shop".to_owned(), "local".to_owned()]),
            namespaces: RwLock::default(),
            upstream: Upstream::new(&["127.0.0.1:53".parse().unwrap()]).unwrap(),
        };
        let table = [
            ("web.shop", Some("web.shop.svc.cluster.local.")),
            ("Web.Shop.", Some("web.shop.svc.cluster.local.")),
            ("db-0.db.shop", Some("db-0.db.shop.svc.cluster.local.")),
            ("web.shop.svc", Some("web.shop.svc.cluster.local.")),
            ("web.shop.svc.cluster.local", None),
            // A namespace may be called like the end of the cluster's own domain.
            ("web.local", Some("web.local.svc.cluster.local.")),
            ("db.corp.example", None),
            ("web.other", None),
            ("web", None),
        ];
        for (asked, full) in table {
            let completed = names.complete(&Name::from_ascii(asked).unwrap());
            assert_eq!(completed.map(|name| name.to_ascii()).as_deref(), full, "{asked}");
        }
        assert_eq!(names.search_domain("shop"), "shop.svc.cluster.local");
        assert_eq!(names.domains(), ["cluster.local", "svc", "shop", "local", "corp.example"]);
    }

    #[test]
    fn the_cluster_domain_is_in_the_search_list() {
        let conf = "search hawser.svc.k8s.test svc.k8s.test k8s.test example.com\nnameserver 10.0.0.10\n";
        assert_eq!(cluster_domain(conf), "k8s.test");
        assert_eq!(cluster_domain("nameserver 10.0.0.10\n"), "cluster.local");
    }
}
