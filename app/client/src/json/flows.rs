//! `hawser flows`.

use crate::processes::Processes;
use hawser_ipc::proto;
use serde::Serialize;

use super::{known, measured};

/// Of `hawser flows`: open ones first, then the last closed ones.
#[derive(Serialize)]
pub struct Flows {
    flows: Vec<Flow>,
}

/// One TCP connection, UDP association, ICMP echo exchange or DNS query.
#[derive(Serialize)]
pub struct Flow {
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
pub struct Process {
    pid: u32,
    name: String,
}

impl Flows {
    /// With the processes behind them, as far as they are known.
    pub fn new(flows: Vec<proto::Flow>, processes: &Processes) -> Self {
        Self { flows: flows.into_iter().map(|flow| Flow::new(flow, processes)).collect() }
    }
}

impl Flow {
    /// With the processes behind them, as far as they are known.
    pub fn new(flow: proto::Flow, processes: &Processes) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::Process;
    use serde_json::{json, to_value};

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
}
