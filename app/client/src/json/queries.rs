//! `hawser queries`.

use hawser_ipc::proto;
use hawser_ipc::proto::query::{By, Outcome};
use serde::Serialize;

use super::known;

/// Of `hawser queries`: in the order in which they were answered.
#[derive(Serialize)]
pub struct Queries {
    queries: Vec<Query>,
}

/// A question for a name, answered.
#[derive(Serialize)]
pub struct Query {
    connection: String,
    /// Rises; unique for as long as the connection has its device.
    id: u64,
    name: String,
    /// The type: A, AAAA, TYPE65400.
    record: String,
    /// Who asked: address and port.
    source: Option<String>,
    /// Who asked, if it was looked up.
    uid: Option<u32>,
    /// memory, manager, agent, host or hawser.
    answered_by: &'static str,
    /// The host's name server, or the agent's pod.
    server: Option<String>,
    /// answered, no-such-name, no-such-record or failed.
    outcome: &'static str,
    /// It failed.
    why: Option<String>,
    /// From question to answer; 0 if it was answered at once.
    took_us: u64,
    at: i64,
}

impl From<Vec<proto::Query>> for Queries {
    fn from(queries: Vec<proto::Query>) -> Self {
        Self { queries: queries.into_iter().map(Query::from).collect() }
    }
}

impl From<proto::Query> for Query {
    fn from(query: proto::Query) -> Self {
        let answered_by = match query.answered_by() {
            By::Memory => "memory",
            By::Manager => "manager",
            By::Agent => "agent",
            By::Host => "host",
            By::Unspecified | By::Hawser => "hawser",
        };
        let outcome = match query.outcome() {
            Outcome::Answered => "answered",
            Outcome::NoSuchName => "no-such-name",
            Outcome::NoSuchRecord => "no-such-record",
            Outcome::Unspecified | Outcome::Failed => "failed",
        };
        Self {
            connection: query.connection,
            id: query.id,
            name: query.name,
            record: query.record,
            source: known(query.source),
            uid: query.uid,
            answered_by,
            server: known(query.server),
            outcome,
            why: known(query.why),
            took_us: query.took_us,
            at: query.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    #[test]
    fn queries_keep_their_shape() {
        let failed = proto::Query {
            connection: "shop".into(),
            id: 3,
            name: "web".into(),
            record: "A".into(),
            answered_by: By::Host.into(),
            server: "192.0.2.53:53".into(),
            outcome: Outcome::Failed.into(),
            why: "the server refused (REFUSED)".into(),
            took_us: 900,
            at: 7,
            ..proto::Query::default()
        };
        let expected = json!({"queries": [{
            "connection": "shop", "id": 3, "name": "web", "record": "A", "source": null, "uid": null, "answered_by": "host",
            "server": "192.0.2.53:53", "outcome": "failed", "why": "the server refused (REFUSED)", "took_us": 900, "at": 7,
        }]});
        assert_eq!(to_value(Queries::from(vec![failed])).unwrap(), expected);
    }
}
