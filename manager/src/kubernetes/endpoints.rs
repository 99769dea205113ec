//! Ways to this replica past the API server, as far as the chart allows them.

use std::net::IpAddr;
use std::sync::Arc;

use hawser_api::{Endpoint, EndpointKind};
use k8s_openapi::api::core::v1::{Node, Service};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::mirror::{Mirror, follow};
use super::settings::{Direct, Place};
use crate::limits;

/// The name of the chart's Service, and of the port in it that leads to the tunnel.
const SERVICE: &str = "hawser-manager";
const PORT: &str = "tunnel";

/// What is known of the ways to this replica.
pub struct Endpoints {
    direct: Direct,
    place: Place,
    facts: RwLock<Facts>,
}

#[derive(Default)]
struct Facts {
    /// The chart's Service.
    service: Mirror<Exposed>,
    /// The node that this replica runs on.
    node: Mirror<Vec<String>>,
}

/// What is kept of the Service.
#[derive(Clone, Debug, Default, PartialEq)]
struct Exposed {
    port: u16,
    node_port: Option<u16>,
    /// Addresses or names of the load balancer.
    balancer: Vec<String>,
}

impl Endpoints {
    /// Begins to follow what they depend on; `changes` fires when they are others.
    pub fn follow(client: &Client, place: &Place, direct: Direct, changes: watch::Sender<()>) -> Arc<Self> {
        let endpoints = Arc::new(Self { direct, place: place.clone(), facts: RwLock::default() });
        if direct.node_port || direct.load_balancer {
            let (following, changes) = (endpoints.clone(), changes.clone());
            let services: Api<Service> = Api::namespaced(client.clone(), &place.namespace);
            tokio::spawn(async move {
                let told = |event| {
                    if following.facts.write().service.take(event, exposed) {
                        changes.send_replace(());
                    }
                };
                follow(services, named(SERVICE), told).await;
            });
        }
        if direct.node_port {
            let following = endpoints.clone();
            let (nodes, node) = (Api::<Node>::all(client.clone()), place.node.clone());
            tokio::spawn(async move {
                let told = |event| {
                    if following.facts.write().node.take(event, addresses) {
                        changes.send_replace(());
                    }
                };
                follow(nodes, named(&node), told).await;
            });
        }
        endpoints
    }

    /// The ways that there are now.
    pub fn get(&self) -> Vec<Endpoint> {
        self.facts.read().endpoints(self.direct, self.place.address, self.place.port)
    }
}

impl Facts {
    fn endpoints(&self, direct: Direct, pod: IpAddr, port: u16) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        let mut add = |kind, address: &str, port| endpoints.push(Endpoint { kind, address: address.to_owned(), port });
        if direct.pod_address {
            add(EndpointKind::Pod, &pod.to_string(), port);
        }
        for service in self.service.values() {
            if let Some(port) = service.node_port.filter(|_| direct.node_port) {
                self.node.values().flatten().for_each(|address| add(EndpointKind::NodePort, address, port));
            }
            if direct.load_balancer {
                service.balancer.iter().for_each(|address| add(EndpointKind::LoadBalancer, address, service.port));
            }
        }
        endpoints.truncate(limits::ENDPOINTS);
        endpoints
    }
}

fn named(name: &str) -> Config {
    Config::default().fields(&format!("metadata.name={name}"))
}

fn exposed(service: &Service) -> Option<Exposed> {
    let spec = service.spec.as_ref()?;
    let port = spec.ports.iter().flatten().find(|port| port.name.as_deref() == Some(PORT))?;
    let number = |number: i32| u16::try_from(number).ok().filter(|number| *number > 0);
    let ingress = service.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    let place = |ingress: &k8s_openapi::api::core::v1::LoadBalancerIngress| {
        ingress.ip.clone().or_else(|| ingress.hostname.clone())
    };
    Some(Exposed {
        port: number(port.port)?,
        node_port: port.node_port.and_then(number),
        balancer: ingress.into_iter().flatten().filter_map(place).collect(),
    })
}

/// Those that others may reach; external ones first.
fn addresses(node: &Node) -> Option<Vec<String>> {
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    let of = |kind: &'static str| {
        addresses.iter().filter(move |address| address.type_ == kind).map(|address| address.address.clone())
    };
    Some(of("ExternalIP").chain(of("InternalIP")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{
        LoadBalancerIngress, LoadBalancerStatus, NodeAddress, NodeStatus, ServicePort, ServiceSpec, ServiceStatus,
    };
    use kube::runtime::watcher::Event;

    fn facts() -> Facts {
        let mut facts = Facts::default();
        let mut node = Node::default();
        let address = |type_: &str, address: &str| NodeAddress { type_: type_.to_owned(), address: address.to_owned() };
        node.status = Some(NodeStatus {
            addresses: Some(vec![
                address("InternalIP", "192.0.2.7"),
                address("Hostname", "node"),
                address("ExternalIP", "203.0.113.7"),
            ]),
            ..NodeStatus::default()
        });
        facts.node.take(Event::Apply(node), addresses);
        let ingress = |ip: Option<&str>, hostname: Option<&str>| LoadBalancerIngress {
            ip: ip.map(str::to_owned),
            hostname: hostname.map(str::to_owned),
            ..LoadBalancerIngress::default()
        };
        let service = Service {
            spec: Some(ServiceSpec {
                ports: Some(vec![ServicePort {
                    name: Some("tunnel".to_owned()),
                    port: 7300,
                    node_port: Some(30_730),
                    ..ServicePort::default()
                }]),
                ..ServiceSpec::default()
            }),
            status: Some(ServiceStatus {
                load_balancer: Some(LoadBalancerStatus {
                    ingress: Some(vec![ingress(Some("198.51.100.1"), None), ingress(None, Some("lb.example.com"))]),
                }),
                ..ServiceStatus::default()
            }),
            ..Service::default()
        };
        facts.service.take(Event::Apply(service), exposed);
        facts
    }

    #[test]
    fn only_what_the_chart_allows() {
        let shown = |pod_address, node_port, load_balancer| {
            let direct = Direct { pod_address, node_port, load_balancer };
            let endpoints = facts().endpoints(direct, [10, 0, 0, 5].into(), 7300);
            let shown: Vec<String> =
                endpoints.iter().map(|endpoint| format!("{}:{}", endpoint.address, endpoint.port)).collect();
            shown.join(" ")
        };
        assert_eq!(shown(false, false, false), "");
        assert_eq!(shown(true, false, false), "10.0.0.5:7300");
        assert_eq!(shown(false, true, false), "203.0.113.7:30730 192.0.2.7:30730");
        assert_eq!(shown(false, false, true), "198.51.100.1:7300 lb.example.com:7300");
    }
}
