//! `hawser list`.

use hawser_ipc::proto;
use serde::Serialize;

use hawser_client::json::known;

/// Of `hawser list`.
#[derive(Serialize)]
pub(crate) struct List {
    namespaces: Vec<Namespace>,
}

/// A namespace in which the user may intercept.
#[derive(Serialize)]
struct Namespace {
    name: String,
    workloads: Vec<Workload>,
    services: Vec<Service>,
}

#[derive(Serialize)]
struct Workload {
    /// Deployment, StatefulSet or ReplicaSet.
    kind: String,
    name: String,
    replicas: u32,
    ready: u32,
    /// Names of services that lead to it.
    services: Vec<String>,
    /// Whoever they are, the first one first.
    intercepted_by: Vec<Holder>,
    /// Without init containers and agents; `null` if the manager doesn't say.
    containers: Option<Vec<Container>>,
    /// Every pod has an agent that can do what intercepts of its services' ports want.
    with_agent: bool,
}

#[derive(Serialize)]
struct Container {
    name: String,
    /// That it declares.
    ports: Vec<ContainerPort>,
    /// That an intercept can mount.
    has_files: bool,
}

#[derive(Serialize)]
struct ContainerPort {
    name: Option<String>,
    number: u32,
    /// TCP, UDP or SCTP.
    protocol: String,
}

/// Somebody's intercept of a workload.
#[derive(Serialize)]
struct Holder {
    user: String,
    /// The name of its object in the namespace.
    intercept: String,
    /// intercept, wiretap, replace or ingest.
    mode: String,
    /// When it was asked for.
    since: i64,
}

#[derive(Serialize)]
struct Service {
    name: String,
    /// `null` for a headless one.
    address: Option<String>,
    ports: Vec<Port>,
}

#[derive(Serialize)]
struct Port {
    name: Option<String>,
    number: u32,
    /// TCP, UDP or SCTP.
    protocol: String,
    /// A number or the name of a container's port.
    target: String,
}

impl From<Vec<proto::Namespace>> for List {
    fn from(namespaces: Vec<proto::Namespace>) -> Self {
        Self { namespaces: namespaces.into_iter().map(Namespace::from).collect() }
    }
}

impl From<proto::Container> for Container {
    fn from(container: proto::Container) -> Self {
        let proto::Container { name, ports, has_files } = container;
        let port = |port: proto::ContainerPort| {
            let proto::ContainerPort { name, number, protocol } = port;
            ContainerPort { name: known(name), number, protocol }
        };
        Self { name, ports: ports.into_iter().map(port).collect(), has_files }
    }
}

impl From<proto::Namespace> for Namespace {
    fn from(namespace: proto::Namespace) -> Self {
        let workload = |workload: proto::Workload| {
            let proto::Workload { kind, name, replicas, ready, services, holders, containers, with_agent } = workload;
            let holder = |holder: proto::Holder| {
                let proto::Holder { user, intercept, mode, since } = holder;
                Holder { user, intercept, mode, since }
            };
            let intercepted_by = holders.into_iter().map(holder).collect();
            let containers = containers.map(|list| list.containers.into_iter().map(Container::from).collect());
            Workload { kind, name, replicas, ready, services, intercepted_by, containers, with_agent }
        };
        let port = |port: proto::Port| {
            let proto::Port { name, number, protocol, target } = port;
            Port { name: known(name), number, protocol, target }
        };
        let service = |service: proto::Service| Service {
            name: service.name,
            address: known(service.address),
            ports: service.ports.into_iter().map(port).collect(),
        };
        Self {
            name: namespace.name,
            workloads: namespace.workloads.into_iter().map(workload).collect(),
            services: namespace.services.into_iter().map(service).collect(),
        }
    }
}
