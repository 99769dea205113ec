//! What `--json` prints. These shapes are stable: fields are added, never renamed or removed.
//!
//! Times are Unix milliseconds, durations microseconds, `null` means unknown or none. With `--watch` each change is one
//! object on a line of its own. A command that fails prints [`Failed`] and exits with 1.

use hawser_client::doctor::Check;
use hawser_client::intercept::Written;
use hawser_client::processes::Processes;
use hawser_fault::Fault;
use hawser_ipc::proto::{self, Outcome};
use serde::Serialize;

use crate::view::intercept::{Card, phase_name};
use crate::view::state_name;

/// Of any command: `{"error":{…}}`.
#[derive(Serialize)]
pub(crate) struct Failed {
    error: Cause,
}

/// Why something is not as it should be.
#[derive(Serialize)]
pub(crate) struct Cause {
    /// Stable and kebab-case.
    code: &'static str,
    title: &'static str,
    detail: String,
    fix: String,
}

/// Of `hawser status`.
#[derive(Serialize)]
pub(crate) struct Status {
    /// The helper's name and version.
    helper: String,
    connections: Vec<Connection>,
}

/// One laptop joined to one cluster.
#[derive(Serialize)]
pub(crate) struct Connection {
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

/// Of `hawser intercept` and its siblings.
#[derive(Serialize)]
pub(crate) struct Intercepted {
    intercept: Intercept,
    /// `null` if no pod has told of itself yet.
    environment: Option<Environment>,
    /// The ways by which clients come, tried. Empty if it isn't in force or has no ports.
    proof: Vec<Trial>,
    /// What is not as it should be, though the intercept is there.
    warnings: Vec<Cause>,
}

/// A way by which clients come to a port.
#[derive(Serialize)]
struct Trial {
    /// Whose address it is; `null` for a pod's own.
    service: Option<String>,
    /// Whose address it is, or that answered for the service.
    pod: Option<String>,
    /// `host:port`; `null` if there was nothing to try.
    address: Option<String>,
    /// The container's port.
    port: u32,
    /// TCP or UDP.
    protocol: &'static str,
    /// Whether it leads to this computer.
    reached: bool,
    /// Why not.
    cause: Option<Cause>,
}

/// Of `hawser extend`: traffic of a workload that goes to this computer.
#[derive(Serialize)]
pub(crate) struct Intercept {
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

/// What is told of a container's environment: no value of it.
#[derive(Serialize)]
struct Environment {
    pod: String,
    container: String,
    variables: usize,
    files: Vec<EnvironmentFile>,
}

#[derive(Serialize)]
struct EnvironmentFile {
    path: String,
    /// Names of variables that its format has no room for.
    left_out: Vec<String>,
}

/// Of `hawser leave`.
#[derive(Serialize)]
pub(crate) struct Left {
    /// Names of intercepts.
    pub(crate) left: Vec<String>,
}

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

/// Of `hawser flows`: open ones first, then the last closed ones.
#[derive(Serialize)]
pub(crate) struct Flows {
    flows: Vec<Flow>,
}

/// One TCP connection, UDP association, ICMP echo exchange or DNS query.
#[derive(Serialize)]
pub(crate) struct Flow {
    connection: String,
    /// Unique within the connection.
    id: u64,
    /// tcp, udp, echo or dns.
    protocol: String,
    source: String,
    destination: String,
    /// The name that the laptop had asked for.
    name: Option<String>,
    /// Owner of the socket.
    uid: Option<u32>,
    /// Known for one's own sockets while they are open.
    process: Option<Process>,
    sent_bytes: u64,
    received_bytes: u64,
    opened: i64,
    /// From manager to target, when it was dialled.
    round_trip_us: Option<u64>,
    /// dialling, open, half-closed or closed.
    state: String,
    /// Why it is closed.
    closed: Option<String>,
}

/// Who holds a flow's socket.
#[derive(Serialize)]
pub(crate) struct Process {
    pid: u32,
    name: String,
}

/// Of `hawser doctor`.
#[derive(Serialize)]
pub(crate) struct Doctor {
    /// Whether no check failed; the exit code says the same.
    ok: bool,
    checks: Vec<Examined>,
}

/// One thing that was looked at, in order.
#[derive(Serialize)]
pub(crate) struct Examined {
    title: String,
    /// pass, warn or fail.
    outcome: &'static str,
    reason: String,
    fix: Option<String>,
}

/// Of `hawser key`.
#[derive(Serialize)]
pub(crate) struct Key {
    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) pin: String,
}

impl From<&Fault> for Failed {
    fn from(fault: &Fault) -> Self {
        Self { error: fault.clone().into() }
    }
}

impl From<Fault> for Cause {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code.as_str(), title: fault.code.title(), detail: fault.detail, fix: fault.fix }
    }
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
            state: state_name(connection.state()),
            name: connection.name,
            owner: connection.owner,
            target: connection.target,
            since: connection.since,
            waiting_for: known(connection.step),
            cause: connection.cause.map(|cause| Fault::from(cause).into()),
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
            phase: phase_name(state.phase()),
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
        }
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

impl From<proto::Trial> for Trial {
    fn from(trial: proto::Trial) -> Self {
        Self {
            service: known(trial.service),
            pod: known(trial.pod),
            address: known(trial.address),
            port: trial.port,
            protocol: if trial.udp { "UDP" } else { "TCP" },
            reached: trial.cause.is_none(),
            cause: trial.cause.map(|cause| Fault::from(cause).into()),
        }
    }
}

impl From<Card> for Intercepted {
    fn from(card: Card) -> Self {
        let file =
            |written: Written| EnvironmentFile { path: written.path.display().to_string(), left_out: written.left_out };
        let environment = card.environment.map(|told| Environment {
            pod: told.pod,
            container: told.container,
            variables: told.count,
            files: told.written.into_iter().map(file).collect(),
        });
        let warnings = card.warnings.into_iter().map(Cause::from).collect();
        let proof = card.proof.into_iter().map(Trial::from).collect();
        Self { intercept: card.state.into(), environment, proof, warnings }
    }
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

impl Flows {
    pub(crate) fn new(flows: Vec<proto::Flow>, processes: &Processes) -> Self {
        Self { flows: flows.into_iter().map(|flow| Flow::new(flow, processes)).collect() }
    }
}

impl Flow {
    pub(crate) fn new(flow: proto::Flow, processes: &Processes) -> Self {
        let process = processes.of(&flow).cloned();
        Self {
            connection: flow.connection,
            id: flow.id,
            protocol: flow.protocol,
            source: flow.source,
            destination: flow.destination,
            name: known(flow.name),
            uid: (flow.inode != 0).then_some(flow.uid),
            process: process.map(|process| Process { pid: process.pid, name: process.name }),
            sent_bytes: flow.sent_bytes,
            received_bytes: flow.received_bytes,
            opened: flow.opened,
            round_trip_us: measured(flow.round_trip_us),
            state: flow.state,
            closed: known(flow.closed),
        }
    }
}

impl From<Vec<Check>> for Doctor {
    fn from(checks: Vec<Check>) -> Self {
        Self {
            ok: checks.iter().all(|check| check.outcome != Outcome::Fail),
            checks: checks.into_iter().map(Examined::from).collect(),
        }
    }
}

impl From<Check> for Examined {
    fn from(check: Check) -> Self {
        let outcome = crate::view::outcome_name(check.outcome);
        Self { title: check.title, outcome, reason: check.reason, fix: known(check.fix) }
    }
}

fn known(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn measured(microseconds: u64) -> Option<u64> {
    Some(microseconds).filter(|microseconds| *microseconds != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::status::tests::connected;
    use hawser_client::processes::Process;
    use hawser_fault::Code;
    use serde_json::{json, to_value};

    #[test]
    fn status_keeps_its_shape() {
        let trouble = proto::Connection {
            state: proto::State::Reconnecting.into(),
            step: "dialling".into(),
            cause: Some(Fault::new(Code::LinkSilent, "no heartbeat for 5 s").into()),
            ..proto::Connection::default()
        };
        let connections = vec![connected(), trouble];
        let status = Status::from(proto::Snapshot { software: "hawser-helper 0.1.0".into(), connections });
        let expected = json!({
            "helper": "hawser-helper 0.1.0",
            "connections": [
                {
                    "name": "shop", "owner": 1000, "target": "203.0.113.7:7300", "state": "connected",
                    "since": 1_699_999_816_000_i64, "waiting_for": null, "cause": null, "device": "hawser0",
                    "addresses": ["10.99.0.1", "fd99::1"], "subnets": ["10.96.0.0/16", "fd00:96::/64"],
                    "dns_servers": ["10.99.0.2"], "domains": ["demo.local"], "search_domain": "shop.svc.demo.local",
                    "manager": "hawser-manager 0.1.0", "context": null, "namespace": null, "manager_namespace": null, "way": null,
                    "also_proxy": [], "never_proxy": [], "left_alone": [], "round_trip_us": 420, "sent_bytes": 1_200_000,
                    "received_bytes": 3_400_000_000_u64, "open_flows": 12, "intercepts": []
                },
                {
                    "name": "", "owner": 0, "target": "", "state": "reconnecting", "since": 0,
                    "waiting_for": "dialling",
                    "cause": {
                        "code": "link-silent", "title": "The manager stopped answering",
                        "detail": "no heartbeat for 5 s", "fix": "Hawser dials again by itself; check the network if it lasts."
                    },
                    "device": null, "addresses": [], "subnets": [], "dns_servers": [], "domains": [],
                    "search_domain": null, "manager": null, "context": null, "namespace": null, "manager_namespace": null, "way": null,
                    "also_proxy": [], "never_proxy": [], "left_alone": [], "round_trip_us": null, "sent_bytes": 0,
                    "received_bytes": 0, "open_flows": 0, "intercepts": []
                }
            ]
        });
        assert_eq!(to_value(status).unwrap(), expected);
    }

    #[test]
    fn intercepts_keep_their_shape() {
        let environment = crate::view::intercept::Environment {
            pod: "web-0".into(),
            container: "app".into(),
            count: 2,
            written: vec![Written { path: ".env".into(), left_out: vec!["KEY".into()] }],
        };
        let card = Card {
            state: crate::view::intercept::tests::active(),
            took: None,
            environment: Some(environment),
            proof: vec![proto::Trial {
                pod: "web-0".into(),
                address: "10.1.0.4:7400".into(),
                port: 8080,
                ..proto::Trial::default()
            }],
            warnings: vec![Fault::new(Code::LocalPortSilent, "silent").with_fix("f")],
        };
        let expected = json!({
            "intercept": {
                "connection": "dev", "name": "web", "namespace": "shop", "kind": "Deployment", "workload": "web",
                "container": null, "mode": "intercept",
                "ports": [{"port": "http", "protocol": "TCP", "local_port": 8080}],
                "address": "127.0.0.1", "http": null, "until": null, "phase": "active",
                "since": 1_700_000_000_000_i64, "waiting_for": null, "cause": null,
                "replicas": [
                    {"name": "web-0", "address": "10.1.0.4", "reached": true},
                    {"name": "web-1", "address": null, "reached": false}
                ],
                "object": "web-1a2b3", "files": null
            },
            "environment": {
                "pod": "web-0", "container": "app", "variables": 2,
                "files": [{"path": ".env", "left_out": ["KEY"]}]
            },
            "proof": [{
                "service": null, "pod": "web-0", "address": "10.1.0.4:7400", "port": 8080, "protocol": "TCP",
                "reached": true, "cause": null
            }],
            "warnings": [{
                "code": "local-port-silent", "title": "Nobody listens on the local port", "detail": "silent", "fix": "f"
            }]
        });
        assert_eq!(to_value(Intercepted::from(card)).unwrap(), expected);
    }

    #[test]
    fn flows_keep_their_shape() {
        let known = proto::Flow {
            connection: "shop".into(),
            id: 1,
            protocol: "tcp".into(),
            source: "10.99.0.1:40000".into(),
            destination: "10.96.0.11:80".into(),
            name: "web.shop".into(),
            uid: 1000,
            inode: 77,
            sent_bytes: 78,
            received_bytes: 90,
            opened: 5,
            round_trip_us: 310,
            state: "closed".into(),
            closed: "both sides finished".into(),
        };
        let processes = Processes::from_iter([(&known, Process { pid: 4242, name: "curl".into() })]);
        let flows =
            Flows::new(vec![known, proto::Flow { id: 2, state: "dialling".into(), ..Default::default() }], &processes);
        let expected = json!({"flows": [
            {
                "connection": "shop", "id": 1, "protocol": "tcp", "source": "10.99.0.1:40000",
                "destination": "10.96.0.11:80", "name": "web.shop", "uid": 1000,
                "process": {"pid": 4242, "name": "curl"}, "sent_bytes": 78, "received_bytes": 90, "opened": 5,
                "round_trip_us": 310, "state": "closed", "closed": "both sides finished"
            },
            {
                "connection": "", "id": 2, "protocol": "", "source": "", "destination": "", "name": null, "uid": null,
                "process": null, "sent_bytes": 0, "received_bytes": 0, "opened": 0, "round_trip_us": null,
                "state": "dialling", "closed": null
            }
        ]});
        assert_eq!(to_value(flows).unwrap(), expected);
    }

    #[test]
    fn the_smaller_ones_keep_their_shape() {
        let check = Check { title: "t".into(), outcome: Outcome::Warn, reason: "r".into(), fix: String::new() };
        let failed = Check { outcome: Outcome::Fail, fix: "f".into(), ..check.clone() };
        assert_eq!(
            to_value(Doctor::from(vec![check, failed])).unwrap(),
            json!({"ok": false, "checks": [
                {"title": "t", "outcome": "warn", "reason": "r", "fix": null},
                {"title": "t", "outcome": "fail", "reason": "r", "fix": "f"}
            ]})
        );
        assert_eq!(to_value(Key { pin: "sha256:00".into() }).unwrap(), json!({"pin": "sha256:00"}));
        assert_eq!(
            to_value(Failed::from(&Fault::new(Code::NotOwner, "d").with_fix("f"))).unwrap(),
            json!({"error": {
                "code": "not-owner", "title": "The connection belongs to somebody else", "detail": "d", "fix": "f"
            }})
        );
    }
}
