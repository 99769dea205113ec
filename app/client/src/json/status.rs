//! `hawser status`.

use hawser_fault::Fault;
use hawser_ipc::proto;
use serde::Serialize;

use super::fault::Cause;
use super::intercept::Intercept;
use super::{known, measured};
use crate::words;

/// Of `hawser status`.
#[derive(Serialize)]
pub struct Status {
    /// The helper's name and version.
    helper: String,
    connections: Vec<Connection>,
}

/// One laptop joined to one cluster.
#[derive(Serialize)]
pub struct Connection {
    name: String,
    /// Uid of the user whose connection it is.
    owner: u32,
    /// The manager's address.
    target: String,
    /// disconnected, connecting, connected, reconnecting, needs-login, failed or disconnecting.
    state: &'static str,
    /// When the state began.
    since: i64,
    /// What is being waited for, in words.
    waiting_for: Option<String>,
    /// Why it is reconnecting, needs a login or failed.
    cause: Option<Cause>,
    /// What does not work though it is connected.
    troubles: Vec<Cause>,
    /// The network device.
    device: Option<String>,
    /// The laptop's own addresses on it.
    addresses: Vec<String>,
    subnets: Vec<String>,
    dns_servers: Vec<String>,
    /// Suffixes of the cluster's names.
    domains: Vec<String>,
    /// What a name of one label stands for.
    search_domain: Option<String>,
    /// The manager's name and version.
    manager: Option<String>,
    /// Of a connection to Kubernetes.
    context: Option<String>,
    /// Whose services go by a single label.
    namespace: Option<String>,
    manager_namespace: Option<String>,
    /// How the manager is reached.
    way: Option<String>,
    /// Subnets that the user wanted routed too.
    also_proxy: Vec<String>,
    /// Subnets that stay on the laptop, the API server's addresses among them.
    never_proxy: Vec<String>,
    left_alone: Vec<String>,
    round_trip_us: Option<u64>,
    sent_bytes: u64,
    received_bytes: u64,
    open_flows: u32,
    intercepts: Vec<Intercept>,
}

impl From<proto::Snapshot> for Status {
    fn from(snapshot: proto::Snapshot) -> Self {
        Self {
            helper: snapshot.software,
            connections: snapshot.connections.into_iter().map(Connection::from).collect(),
        }
    }
}

impl From<proto::Connection> for Connection {
    fn from(connection: proto::Connection) -> Self {
        Self {
            state: words::state(connection.state()),
            name: connection.name,
            owner: connection.owner,
            target: connection.target,
            since: connection.since,
            waiting_for: known(connection.step),
            cause: connection.cause.map(|cause| Fault::from(cause).into()),
            troubles: connection.troubles.into_iter().map(|trouble| Fault::from(trouble).into()).collect(),
            device: known(connection.device),
            addresses: connection.addresses,
            subnets: connection.subnets,
            dns_servers: connection.dns_servers,
            domains: connection.domains,
            search_domain: known(connection.search_domain),
            manager: known(connection.manager),
            context: known(connection.context),
            namespace: known(connection.namespace),
            manager_namespace: known(connection.manager_namespace),
            way: known(connection.way),
            also_proxy: connection.also_proxy,
            never_proxy: connection.never_proxy,
            left_alone: connection.left_alone,
            round_trip_us: measured(connection.round_trip_us),
            sent_bytes: connection.sent_bytes,
            received_bytes: connection.received_bytes,
            open_flows: connection.open_flows,
            intercepts: connection.intercepts.into_iter().map(Intercept::from).collect(),
        }
    }
}
