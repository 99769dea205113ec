//! Intercepts.

use hawser_fault::Fault;
use hawser_ipc::proto;
use serde::Serialize;

use super::fault::Cause;
use super::known;
use crate::words;

/// Of `hawser extend`: traffic of a workload that goes to this computer.
#[derive(Serialize)]
pub struct Intercept {
    connection: String,
    name: String,
    namespace: String,
    /// Deployment, StatefulSet or ReplicaSet.
    kind: String,
    workload: String,
    container: Option<String>,
    /// intercept, wiretap, replace or ingest.
    mode: String,
    ports: Vec<InterceptedPort>,
    /// Where the handler listens.
    address: String,
    http: Option<HttpFilter>,
    /// When it ends by itself.
    until: Option<i64>,
    /// pending, preparing, active, waiting, ending or ended.
    phase: &'static str,
    /// When the phase began.
    since: i64,
    waiting_for: Option<String>,
    /// Why it waits or has ended, or why nothing is heard of it.
    cause: Option<Cause>,
    replicas: Vec<Replica>,
    /// The name of its object in the namespace.
    object: String,
    /// Where its files are wanted, if they are.
    files: Option<MountedFiles>,
    delivered: Delivered,
    /// `null` without a filter, and where an agent or the manager is too old to count.
    requests: Option<Requests>,
}

/// What came for it since the helper knows it.
#[derive(Serialize)]
struct Delivered {
    /// Conversations of datagrams among them.
    connections: u64,
    /// Of them, by the local port.
    refused: u64,
    /// When the last one came.
    last: Option<i64>,
}

/// Requests in its pods since it began, as far as agents read them.
#[derive(Serialize)]
struct Requests {
    /// This computer's; of a wiretap, those of which it was to get a copy.
    matched: u64,
    /// The pods' alone.
    passed: u64,
    /// Of the matched, copies that this computer didn't get whole, since it was too slow.
    dropped: u64,
}

#[derive(Serialize)]
struct MountedFiles {
    path: String,
    read_only: bool,
    mounted: bool,
    /// Why they are not mounted.
    cause: Option<Cause>,
    /// Paths in the container that its agent may not read.
    unreadable: Vec<String>,
}

#[derive(Serialize)]
struct InterceptedPort {
    /// By name or number.
    port: String,
    /// TCP or UDP.
    protocol: &'static str,
    local_port: u32,
}

#[derive(Serialize)]
struct HttpFilter {
    headers: Vec<HeaderMatch>,
    path: Option<PathMatch>,
    method: Option<String>,
}

#[derive(Serialize)]
struct HeaderMatch {
    name: String,
    value: String,
    regex: bool,
}

#[derive(Serialize)]
struct PathMatch {
    /// Exact, PathPrefix or RegularExpression.
    kind: String,
    value: String,
}

/// A pod of an intercepted workload.
#[derive(Serialize)]
struct Replica {
    name: String,
    address: Option<String>,
    /// What reaches it goes to this computer.
    reached: bool,
}

impl From<proto::InterceptState> for Intercept {
    fn from(state: proto::InterceptState) -> Self {
        let port = |port: proto::InterceptPort| InterceptedPort {
            port: port.port,
            protocol: if port.udp { "UDP" } else { "TCP" },
            local_port: port.local_port,
        };
        let replica =
            |pod: proto::InterceptedPod| Replica { name: pod.name, address: known(pod.address), reached: pod.applied };
        Self {
            phase: words::phase(state.phase()),
            connection: state.connection,
            name: state.name,
            namespace: state.namespace,
            kind: state.kind,
            workload: state.workload,
            container: known(state.container),
            mode: state.mode,
            ports: state.ports.into_iter().map(port).collect(),
            address: state.address,
            http: state.http.map(HttpFilter::from),
            until: Some(state.until).filter(|until| *until != 0),
            since: state.since,
            waiting_for: known(state.step),
            cause: state.cause.map(|cause| Fault::from(cause).into()),
            replicas: state.pods.into_iter().map(replica).collect(),
            object: state.object,
            files: state.mount.map(MountedFiles::from),
            delivered: state.delivered.unwrap_or_default().into(),
            requests: state.requests.map(Requests::from),
        }
    }
}

impl From<proto::Delivered> for Delivered {
    fn from(delivered: proto::Delivered) -> Self {
        let proto::Delivered { connections, refused, last } = delivered;
        Self { connections, refused, last: Some(last).filter(|last| *last != 0) }
    }
}

impl From<proto::Requests> for Requests {
    fn from(proto::Requests { matched, passed, dropped }: proto::Requests) -> Self {
        Self { matched, passed, dropped }
    }
}

impl From<proto::MountState> for MountedFiles {
    fn from(state: proto::MountState) -> Self {
        let proto::Mount { path, read_only } = state.mount.unwrap_or_default();
        let cause = state.cause.map(|cause| Fault::from(cause).into());
        Self { path, read_only, mounted: state.mounted, cause, unreadable: state.unreadable }
    }
}

impl From<proto::HttpFilter> for HttpFilter {
    fn from(filter: proto::HttpFilter) -> Self {
        let header = |header: proto::HeaderMatch| {
            let proto::HeaderMatch { name, value, regex } = header;
            HeaderMatch { name, value, regex }
        };
        Self {
            headers: filter.headers.into_iter().map(header).collect(),
            path: filter.path.map(|path| PathMatch { kind: path.kind, value: path.value }),
            method: known(filter.method),
        }
    }
}
