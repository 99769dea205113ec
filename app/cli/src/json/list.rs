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

impl From<proto::Namespace> for Namespace {
    fn from(namespace: proto::Namespace) -> Self {
        let workload = |workload: proto::Workload| {
            let proto::Workload { kind, name, replicas, ready, services, holders } = workload;
            let holder = |holder: proto::Holder| {
                let proto::Holder { user, intercept, mode, since } = holder;
                Holder { user, intercept, mode, since }
            };
            let intercepted_by = holders.into_iter().map(holder).collect();
            Workload { kind, name, replicas, ready, services, intercepted_by }
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
