//! Workloads and services, as a user sees them who may intercept them.

mod agents;
mod containers;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use hawser_tunnel::proto::{self, ContainerList, Holder, Namespace, Port};
use hawser_tunnel::server::Catalogues;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{self, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::runtime::watcher::{Config, Event};
use kube::{Client, Resource, ResourceExt};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::mirror::{Mirrors, follow, scopes};
use super::rights::{Rights, User};
use super::settings::Settings;
use crate::injection::resolution::{self, Seen};
use crate::limits;
use agents::{Agents, Pod};

/// Who intercepts what: by namespace, kind and name of the workload.
pub type Holders = HashMap<(String, String, String), Vec<Holder>>;

/// All workloads and services of the cluster.
pub struct Catalogue {
    facts: RwLock<Facts>,
    rights: Rights,
    holders: RwLock<Holders>,
    /// Given by the chart; empty for all.
    served: Vec<String>,
    changes: watch::Sender<()>,
}

struct Facts {
    deployments: Mirrors<Workload>,
    stateful_sets: Mirrors<Workload>,
    /// Those that belong to nothing.
    replica_sets: Mirrors<Workload>,
    services: Mirrors<Service>,
    pods: Mirrors<Pod>,
}

/// Labels of an object, or those by which a service selects.
pub type Labels = BTreeMap<String, String>;

/// What is kept of a workload.
#[derive(Clone, PartialEq)]
struct Workload {
    kind: &'static str,
    namespace: String,
    name: String,
    replicas: u32,
    ready: u32,
    /// Of its pods.
    labels: Labels,
    /// Those that are told of.
    containers: Option<ContainerList>,
    /// What ports are looked up in.
    spec: PodSpec,
}

/// What is kept of a service.
#[derive(Clone, PartialEq)]
struct Service {
    namespace: String,
    name: String,
    address: String,
    ports: Vec<Port>,
    selector: Labels,
}

impl Catalogue {
    /// Begins to follow them.
    pub fn follow(client: &Client, settings: &Settings) -> Arc<Self> {
        let catalogue = Arc::new(Self {
            facts: RwLock::new(Facts::of(settings.namespaces.len().max(1))),
            rights: Rights::new(client),
            holders: RwLock::default(),
            served: settings.namespaces.clone(),
            changes: watch::Sender::new(()),
        });
        catalogue.mirror::<Deployment>(client, |facts, scope, event| facts.deployments.take(scope, event, deployment));
        catalogue
            .mirror::<StatefulSet>(client, |facts, scope, event| facts.stateful_sets.take(scope, event, stateful_set));
        catalogue
            .mirror::<ReplicaSet>(client, |facts, scope, event| facts.replica_sets.take(scope, event, replica_set));
        catalogue.mirror::<v1::Service>(client, |facts, scope, event| facts.services.take(scope, event, service));
        catalogue.mirror::<v1::Pod>(client, |facts, scope, event| facts.pods.take(scope, event, Pod::of));
        catalogue
    }

    /// Follows one kind, in all namespaces that are served.
    fn mirror<K>(self: &Arc<Self>, client: &Client, take: fn(&mut Facts, usize, Event<K>) -> bool)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
    {
        for (scope, api) in scopes::<K>(client, &self.served).into_iter().enumerate() {
            let catalogue = self.clone();
            tokio::spawn(async move {
                let told = |event| {
                    if take(&mut catalogue.facts.write(), scope, event) {
                        catalogue.changes.send_replace(());
                    }
                };
                follow(api, Config::default(), told).await;
            });
        }
    }

    /// Who intercepts what from now on; all of it.
    pub fn hold(&self, holders: Holders) {
        let former = std::mem::replace(&mut *self.holders.write(), holders.clone());
        if former != holders {
            self.changes.send_replace(());
        }
    }

    /// The services that lead to pods with these labels.
    pub fn services(&self, namespace: &str, labels: &Labels) -> Vec<resolution::Service> {
        let facts = self.facts.read();
        let leading = facts.services.values().filter(|one| one.namespace == namespace && one.selects(labels));
        leading.map(Service::as_resolved).collect()
    }

    /// The address of a service and whom it selects; `None` without an address.
    pub fn service(&self, namespace: &str, name: &str) -> Option<(IpAddr, Labels)> {
        let facts = self.facts.read();
        let service = facts.services.values().find(|one| one.namespace == namespace && one.name == name)?;
        Some((service.address.parse().ok()?, service.selector.clone()))
    }

    /// Whether a user may intercept in this namespace.
    pub async fn permits(&self, user: &User, namespace: &str) -> bool {
        !self.rights.permitted(user, vec![namespace.to_owned()]).await.is_empty()
    }

    /// What a user sees now.
    async fn seen(&self, user: &User, wanted: &[String]) -> Vec<Namespace> {
        let mut all = self.facts.read().by_namespace(&self.holders.read());
        let is_wanted = |name: &String| {
            (wanted.is_empty() || wanted.contains(name)) && (self.served.is_empty() || self.served.contains(name))
        };
        let names = all.keys().filter(|name| is_wanted(name)).cloned().collect();
        let permitted = self.rights.permitted(user, names).await;
        let mut seen: Vec<Namespace> = permitted.into_iter().filter_map(|name| all.remove(&name)).collect();
        containers::bound(&mut seen, limits::CATALOGUE_CONTAINERS);
        seen
    }
}

impl Facts {
    fn of(scopes: usize) -> Self {
        Self {
            deployments: Mirrors::of(scopes),
            stateful_sets: Mirrors::of(scopes),
            replica_sets: Mirrors::of(scopes),
            services: Mirrors::of(scopes),
            pods: Mirrors::of(scopes),
        }
    }

    fn by_namespace(&self, holders: &Holders) -> BTreeMap<String, Namespace> {
        let mut namespaces: BTreeMap<String, Namespace> = BTreeMap::new();
        let mut services: HashMap<&str, Vec<&Service>> = HashMap::new();
        for service in self.services.values() {
            services.entry(&service.namespace).or_default().push(service);
            let Service { name, address, ports, .. } = service.clone();
            shown(&mut namespaces, &service.namespace).services.push(proto::Service { name, address, ports });
        }
        let agents = Agents::of(self.pods.values());
        let workloads = self.deployments.values().chain(self.stateful_sets.values()).chain(self.replica_sets.values());
        for workload in workloads {
            let near = services.get(workload.namespace.as_str()).into_iter().flatten();
            let leading: Vec<&Service> = near.copied().filter(|service| service.leads_to(workload)).collect();
            let workload_shown = proto::Workload {
                kind: workload.kind.to_owned(),
                name: workload.name.clone(),
                replicas: workload.replicas,
                ready: workload.ready,
                services: leading.iter().map(|service| service.name.clone()).collect(),
                holders: holders.get(&workload.key()).cloned().unwrap_or_default(),
                containers: workload.containers.clone(),
                with_agent: workload.has_agents(&agents, &leading),
            };
            shown(&mut namespaces, &workload.namespace).workloads.push(workload_shown);
        }
        namespaces
    }
}

fn shown<'a>(namespaces: &'a mut BTreeMap<String, Namespace>, name: &str) -> &'a mut Namespace {
    if !namespaces.contains_key(name) {
        namespaces.insert(name.to_owned(), Namespace { name: name.to_owned(), ..Namespace::default() });
    }
    namespaces.get_mut(name).expect("it was put there")
}

impl Workload {
    fn key(&self) -> (String, String, String) {
        (self.namespace.clone(), self.kind.to_owned(), self.name.clone())
    }

    /// Whether an intercept of any port of these services, which lead to it, would leave its pods as they are.
    fn has_agents(&self, agents: &Agents, leading: &[&Service]) -> bool {
        agents.can((&self.namespace, self.kind, &self.name), || {
            let services: Vec<resolution::Service> = leading.iter().map(|service| service.as_resolved()).collect();
            Seen { spec: &self.spec, services: &services }.want_of_services()
        })
    }
}

impl Service {
    /// Of a workload in its own namespace.
    fn leads_to(&self, workload: &Workload) -> bool {
        self.selects(&workload.labels)
    }

    fn selects(&self, labels: &Labels) -> bool {
        !self.selector.is_empty() && self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// What ports are looked up in; those of other protocols than TCP and UDP are left out.
    fn as_resolved(&self) -> resolution::Service {
        let port = |port: &Port| {
            let udp = match port.protocol.as_str() {
                "TCP" => false,
                "UDP" => true,
                _ => return None,
            };
            // A port's name has a letter in it (RFC 6335, section 5.1).
            let target = port.target.parse().map_or(IntOrString::String(port.target.clone()), IntOrString::Int);
            let number = u16::try_from(port.number).ok()?;
            Some(resolution::ServicePort { name: port.name.clone(), number, udp, target })
        };
        resolution::Service {
            name: self.name.clone(),
            headless: self.address.is_empty(),
            ports: self.ports.iter().filter_map(port).collect(),
        }
    }
}

/// The whole, then the namespaces that changed.
pub fn of(catalogue: Arc<Catalogue>, user: User, wanted: Vec<String>) -> Catalogues {
    let changes = catalogue.changes.subscribe();
    let following = stream::unfold((catalogue, changes, None), move |(catalogue, mut changes, told)| {
        let (user, wanted) = (user.clone(), wanted.clone());
        async move {
            loop {
                changes.mark_unchanged();
                let seen = catalogue.seen(&user, &wanted).await;
                if let Some(news) = difference(told.as_deref(), &seen) {
                    return Some((news, (catalogue, changes, Some(seen))));
                }
                // Rights change without a word.
                let _ = tokio::time::timeout(limits::REVIEW_HOLDS, changes.changed()).await;
                tokio::time::sleep(limits::GATHER_CATALOGUE).await;
            }
        }
    });
    following.boxed()
}

fn difference(told: Option<&[Namespace]>, seen: &[Namespace]) -> Option<proto::Catalogue> {
    let Some(told) = told else {
        return Some(proto::Catalogue { whole: true, namespaces: seen.to_vec(), removed: Vec::new() });
    };
    let namespaces: Vec<Namespace> = seen.iter().filter(|namespace| !told.contains(namespace)).cloned().collect();
    let is_gone = |name: &str| seen.iter().all(|namespace| namespace.name != name);
    let removed: Vec<String> =
        told.iter().filter(|namespace| is_gone(&namespace.name)).map(|namespace| namespace.name.clone()).collect();
    let nothing = namespaces.is_empty() && removed.is_empty();
    (!nothing).then_some(proto::Catalogue { whole: false, namespaces, removed })
}

fn deployment(object: &Deployment) -> Option<Workload> {
    let (spec, status) = (object.spec.as_ref()?, object.status.as_ref());
    let ready = status.and_then(|status| status.ready_replicas);
    workload("Deployment", object, spec.replicas, ready, &spec.template)
}

fn stateful_set(object: &StatefulSet) -> Option<Workload> {
    let (spec, status) = (object.spec.as_ref()?, object.status.as_ref());
    let ready = status.and_then(|status| status.ready_replicas);
    workload("StatefulSet", object, spec.replicas, ready, &spec.template)
}

fn replica_set(object: &ReplicaSet) -> Option<Workload> {
    if object.metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty()) {
        return None;
    }
    let (spec, status) = (object.spec.as_ref()?, object.status.as_ref());
    let ready = status.and_then(|status| status.ready_replicas);
    workload("ReplicaSet", object, spec.replicas, ready, spec.template.as_ref()?)
}

fn workload(
    kind: &'static str,
    object: &impl ResourceExt,
    replicas: Option<i32>,
    ready: Option<i32>,
    template: &PodTemplateSpec,
) -> Option<Workload> {
    let count =
        |number: Option<i32>, default| number.map_or(default, |number| u32::try_from(number).unwrap_or_default());
    Some(Workload {
        kind,
        namespace: object.namespace()?,
        name: object.name_any(),
        replicas: count(replicas, 1),
        ready: count(ready, 0),
        labels: template.metadata.as_ref()?.labels.clone().unwrap_or_default(),
        containers: containers::told(template),
        spec: containers::looked_up(template),
    })
}

fn service(object: &v1::Service) -> Option<Service> {
    let spec = object.spec.as_ref()?;
    let port = |port: &v1::ServicePort| Port {
        name: port.name.clone().unwrap_or_default(),
        number: u32::try_from(port.port).unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        target: match &port.target_port {
            Some(IntOrString::Int(number)) => number.to_string(),
            Some(IntOrString::String(name)) => name.clone(),
            None => port.port.to_string(),
        },
    };
    Some(Service {
        namespace: object.namespace()?,
        name: object.name_any(),
        address: spec.cluster_ip.clone().filter(|address| address != "None").unwrap_or_default(),
        ports: spec.ports.iter().flatten().map(port).collect(),
        selector: spec.selector.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_tunnel::agent;
    use serde_json::json;

    fn namespace(name: &str, services: &[&str]) -> Namespace {
        let service = |name: &&str| proto::Service { name: (*name).to_owned(), ..proto::Service::default() };
        Namespace { name: name.to_owned(), workloads: Vec::new(), services: services.iter().map(service).collect() }
    }

    #[test]
    fn only_namespaces_that_changed_are_told() {
        let before = [namespace("a", &["x"]), namespace("b", &["y"]), namespace("c", &[])];
        let whole = difference(None, &before).unwrap();
        assert!(whole.whole && whole.namespaces.len() == 3);
        assert_eq!(difference(Some(&before), &before), None);
        let after = [namespace("a", &["x"]), namespace("b", &["y", "z"]), namespace("d", &[])];
        let news = difference(Some(&before), &after).unwrap();
        let names: Vec<&str> = news.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
        assert_eq!((news.whole, names, news.removed), (false, vec!["b", "d"], vec!["c".to_owned()]));
    }

    #[test]
    fn a_service_leads_where_its_selector_says() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Labels>()
        };
        let workload = Workload {
            kind: "Deployment",
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            replicas: 1,
            ready: 1,
            labels: labels(&[("app", "web"), ("tier", "front")]),
            containers: None,
            spec: PodSpec::default(),
        };
        let service = |selector| Service {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            address: String::new(),
            ports: Vec::new(),
            selector,
        };
        assert!(service(labels(&[("app", "web")])).leads_to(&workload));
        assert!(!service(labels(&[("app", "web"), ("tier", "back")])).leads_to(&workload));
        assert!(!service(Labels::new()).leads_to(&workload));
    }

    #[test]
    fn containers_and_agents_are_told_with_their_workload() {
        let mut facts = Facts::of(1);
        let metadata = |name: &str| json!({ "name": name, "namespace": "shop" });
        let pod_spec = json!({ "initContainers": [{ "name": "wait", "image": "i" }], "containers": [
            { "name": "web", "ports": [{ "name": "http", "containerPort": 8080 }] },
            { "name": "log" },
        ] });
        let deployment_: Deployment = serde_json::from_value(json!({
            "metadata": metadata("web"),
            "spec": { "selector": {}, "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod_spec } },
        }))
        .unwrap();
        facts.deployments.take(0, Event::Apply(deployment_), deployment);
        let told = |facts: &Facts| facts.by_namespace(&Holders::new())["shop"].workloads[0].clone();
        let names = told(&facts).containers.unwrap().containers.into_iter().map(|one| one.name);
        assert_eq!(names.collect::<Vec<_>>(), ["web", "log"]);
        assert!(!told(&facts).with_agent, "it has no pods");

        let config = agent::Config {
            ports: vec![agent::Port { listen: 41_000, app: 8080, udp: false }],
            ..agent::Config::default()
        };
        let config = serde_json::to_string(&config).unwrap();
        let pod: v1::Pod = serde_json::from_value(json!({
            "metadata": {
                "name": "web-6d5f-x", "namespace": "shop", "labels": { "pod-template-hash": "6d5f" },
                "ownerReferences": [
                    { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d5f", "uid": "", "controller": true },
                ],
            },
            "spec": { "containers": [{ "name": "hawser-agent", "env": [{ "name": agent::CONFIG, "value": config }] }] },
        }))
        .unwrap();
        facts.pods.take(0, Event::Apply(pod), Pod::of);
        let lead_by = |facts: &mut Facts, target: serde_json::Value| {
            let spec = json!({ "clusterIP": "10.96.0.9", "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": target }] });
            let object = serde_json::from_value(json!({ "metadata": metadata("web"), "spec": spec })).unwrap();
            facts.services.take(0, Event::Apply(object), service);
        };
        lead_by(&mut facts, json!("http"));
        assert!(told(&facts).with_agent);
        lead_by(&mut facts, json!(8080));
        assert!(!told(&facts).with_agent, "the agent stands before it by its name alone");
    }
}
