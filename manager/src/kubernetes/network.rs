//! Which subnets are the cluster's.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use super::mirror::{Mirror, Mirrors, follow, scopes};
use super::settings::Settings;
use crate::limits;

/// The cluster's subnets, as the API server tells them.
pub struct Network {
    settings: Settings,
    facts: RwLock<Facts>,
    subnets: RwLock<Arc<[IpNet]>>,
    changes: watch::Sender<()>,
    /// Something is known that is not in the subnets yet.
    learned: Notify,
}

/// What is known, from the best source to the poorest.
struct Facts {
    service_cidrs: Mirror<Vec<IpNet>>,
    /// Followed where there are no ServiceCIDR objects (before Kubernetes 1.33).
    services: Mirrors<Vec<IpAddr>>,
    nodes: Mirror<Vec<IpNet>>,
    /// Followed where some node has no subnet of its own.
    pods: Mirrors<Vec<IpAddr>>,
}

impl Network {
    /// Begins to follow them.
    pub fn follow(client: &Client, settings: &Settings, changes: watch::Sender<()>) -> Arc<Self> {
        let network = Arc::new(Self {
            settings: settings.clone(),
            facts: RwLock::new(Facts::of(settings.namespaces.len().max(1))),
            subnets: RwLock::new(Arc::default()),
            changes,
            learned: Notify::new(),
        });
        network.settle();
        tokio::spawn(network.clone().keep_settled());
        if settings.service_subnets.is_empty() {
            tokio::spawn(network.clone().follow_services(client.clone()));
        }
        if settings.pod_subnets.is_empty() {
            tokio::spawn(network.clone().follow_pods(client.clone()));
        }
        network
    }

    /// What laptops route here.
    pub fn subnets(&self) -> Vec<IpNet> {
        self.subnets.read().to_vec()
    }

    /// Whether an address is the cluster's.
    pub fn serves(&self, target: IpAddr) -> bool {
        let within = |nets: &[IpNet]| nets.iter().filter(|net| net.contains(&target)).map(IpNet::prefix_len).max();
        within(&self.subnets.read()) > within(&self.settings.never_proxy)
    }

    /// Whether there is something to route.
    pub fn is_ready(&self) -> bool {
        let facts = self.facts.read();
        let services = !self.settings.service_subnets.is_empty()
            || facts.service_cidrs.is_complete()
            || facts.services.is_complete();
        services && (!self.settings.pod_subnets.is_empty() || facts.nodes.is_complete())
    }

    async fn follow_services(self: Arc<Self>, client: Client) {
        let cidrs: Api<ServiceCIDR> = Api::all(client.clone());
        match cidrs.list(&kube::api::ListParams::default().limit(1)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                for (scope, api) in scopes::<Service>(&client, &self.settings.namespaces).into_iter().enumerate() {
                    let network = self.clone();
                    tokio::spawn(async move {
                        let keep = |service: &Service| Some(cluster_ips(service));
                        let told = |event| network.learn(|facts| facts.services.take(scope, event, keep));
                        follow(api, Config::default(), told).await;
                    });
                }
            }
            _ => {
                let told = |event| self.learn(|facts| facts.service_cidrs.take(event, |cidr| Some(cidrs_of(cidr))));
                follow(cidrs, Config::default(), told).await;
            }
        }
    }

    async fn follow_pods(self: Arc<Self>, client: Client) {
        let mut pods_followed = false;
        let told = |event| {
            self.learn(|facts| facts.nodes.take(event, |node| Some(pod_cidrs(node))));
            let lacking = {
                let facts = self.facts.read();
                facts.nodes.is_complete() && facts.nodes.values().any(Vec::is_empty)
            };
            if lacking && !pods_followed {
                pods_followed = true;
                for (scope, api) in scopes::<Pod>(&client, &self.settings.namespaces).into_iter().enumerate() {
                    let network = self.clone();
                    tokio::spawn(async move {
                        let told = |event| network.learn(|facts| facts.pods.take(scope, event, pod_ips));
                        follow(api, Config::default(), told).await;
                    });
                }
            }
        };
        follow(Api::<Node>::all(client.clone()), Config::default(), told).await;
    }

    fn learn(&self, take: impl FnOnce(&mut Facts) -> bool) {
        if take(&mut self.facts.write()) {
            self.learned.notify_one();
        }
    }

    /// Works out the subnets whenever something was learned, but not for each of ten thousand pods.
    async fn keep_settled(self: Arc<Self>) {
        loop {
            self.learned.notified().await;
            self.settle();
            tokio::time::sleep(limits::GATHER_FACTS).await;
        }
    }

    /// Works out the subnets anew.
    fn settle(&self) {
        let subnets: Arc<[IpNet]> = self.facts.read().subnets(&self.settings).into();
        let mut present = self.subnets.write();
        if *present != subnets {
            tracing::info!(?subnets, "subnets");
            *present = subnets;
            self.changes.send_replace(());
        }
    }
}

impl Facts {
    fn of(scopes: usize) -> Self {
        Self {
            service_cidrs: Mirror::default(),
            services: Mirrors::of(scopes),
            nodes: Mirror::default(),
            pods: Mirrors::of(scopes),
        }
    }

    fn subnets(&self, settings: &Settings) -> Vec<IpNet> {
        let mut subnets: Vec<IpNet> = settings.also_proxy.clone();
        match settings.service_subnets.as_slice() {
            [] => {
                subnets.extend(self.service_cidrs.values().flatten());
                subnets.extend(around(self.services.values().flatten()));
            }
            given => subnets.extend(given),
        }
        match settings.pod_subnets.as_slice() {
            [] => {
                subnets.extend(self.nodes.values().flatten());
                subnets.extend(around(self.pods.values().flatten()));
            }
            given => subnets.extend(given),
        }
        IpNet::aggregate(&subnets)
    }
}

/// Networks of a common size that hold these addresses: 256 of IPv4, 2^64 of IPv6.
fn around<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> BTreeSet<IpNet> {
    let net =
        |address: &IpAddr| IpNet::new(*address, if address.is_ipv4() { 24 } else { 64 }).ok().map(|net| net.trunc());
    addresses.filter_map(net).collect()
}

fn nets(texts: &[String]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn addresses(texts: &[String]) -> Vec<IpAddr> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn cidrs_of(cidr: &ServiceCIDR) -> Vec<IpNet> {
    cidr.spec.as_ref().and_then(|spec| spec.cidrs.as_deref()).map(nets).unwrap_or_default()
}

fn cluster_ips(service: &Service) -> Vec<IpAddr> {
    service.spec.as_ref().and_then(|spec| spec.cluster_ips.as_deref()).map(addresses).unwrap_or_default()
}

fn pod_cidrs(node: &Node) -> Vec<IpNet> {
    node.spec.as_ref().and_then(|spec| spec.pod_cidrs.as_deref()).map(nets).unwrap_or_default()
}

/// A pod on its host's network has an address that isn't the cluster's.
fn pod_ips(pod: &Pod) -> Option<Vec<IpAddr>> {
    if pod.spec.as_ref()?.host_network == Some(true) {
        return None;
    }
    let ips = pod.status.as_ref()?.pod_ips.as_deref()?;
    Some(ips.iter().filter_map(|ip| ip.ip.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{NodeSpec, PodIP, PodSpec, PodStatus};
    use kube::runtime::watcher::Event;

    fn node(name: &str, cidrs: &[&str]) -> Node {
        let mut node = Node::default();
        node.metadata.name = Some(name.to_owned());
        let cidrs = cidrs.iter().map(|cidr| (*cidr).to_owned()).collect();
        node.spec = Some(NodeSpec { pod_cidrs: Some(cidrs), ..NodeSpec::default() });
        node
    }

    fn shown(facts: &Facts, settings: &Settings) -> String {
        facts.subnets(settings).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nodes_side_by_side_are_one_subnet() {
        let mut facts = Facts::of(1);
        for (name, cidrs) in [("a", ["10.244.0.0/24", "fd00::/64"]), ("b", ["10.244.1.0/24", "fd00:0:0:1::/64"])] {
            assert!(facts.nodes.take(Event::Apply(node(name, &cidrs)), |node| Some(pod_cidrs(node))));
        }
        assert_eq!(shown(&facts, &Settings::default()), "10.244.0.0/23 fd00::/63");
    }

    #[test]
    fn what_the_chart_says_goes_first() {
        let mut facts = Facts::of(1);
        facts.nodes.take(Event::Apply(node("a", &["10.244.0.0/24"])), |node| Some(pod_cidrs(node)));
        let settings = Settings {
            pod_subnets: vec!["10.9.0.0/16".parse().unwrap()],
            also_proxy: vec!["192.0.2.0/24".parse().unwrap()],
            ..Settings::default()
        };
        assert_eq!(shown(&facts, &settings), "10.9.0.0/16 192.0.2.0/24");
    }

    #[test]
    fn without_better_sources_addresses_are_surrounded() {
        let pod = |ip: &str, host: bool| Pod {
            spec: Some(PodSpec { host_network: Some(host), ..PodSpec::default() }),
            status: Some(PodStatus { pod_ips: Some(vec![PodIP { ip: ip.to_owned() }]), ..PodStatus::default() }),
            ..Pod::default()
        };
        assert_eq!(pod_ips(&pod("192.0.2.1", true)), None);
        let ips = pod_ips(&pod("10.1.2.3", false)).unwrap();
        assert_eq!(around(ips.iter()).into_iter().collect::<Vec<_>>(), ["10.1.2.0/24".parse().unwrap()]);
    }
}
