//! What `--json` prints. These shapes are stable: fields are added, never renamed or removed.
//!
//! Times are Unix milliseconds, durations microseconds, `null` means unknown or none. With `--watch` each change is one
//! object on a line of its own. A command that fails prints [`Failed`] and exits with 1.

use hawser_client::doctor::Check;
use hawser_client::processes::Processes;
use hawser_fault::Fault;
use hawser_ipc::proto::{self, Outcome};
use serde::Serialize;

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
    round_trip_us: Option<u64>,
    sent_bytes: u64,
    received_bytes: u64,
    open_flows: u32,
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
            round_trip_us: measured(connection.round_trip_us),
            sent_bytes: connection.sent_bytes,
            received_bytes: connection.received_bytes,
            open_flows: connection.open_flows,
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
