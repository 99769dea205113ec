//! Questions for names, as messages.

use std::collections::HashMap;
use std::sync::Arc;

use hawser_dns::{By, Outcome, Why};
use hawser_ipc::proto::{Query, QueryList, query};
use tokio::time::sleep;

use super::message::milliseconds;
use super::stream::{Place, Stream, spawn};
use crate::connection::Host;
use crate::connections::Connections;
use crate::limits;
use crate::plane::QueryRecord;

/// What is remembered, then what comes.
pub fn queries<H: Host>(
    connections: Arc<Connections<H>>,
    caller: u32,
    follow: bool,
    place: Place,
) -> Stream<QueryList> {
    spawn(place, async move |sender| {
        let mut cursors = HashMap::new();
        let mut is_first = true;
        loop {
            let mut list = QueryList::default();
            for (connection, news) in connections.queries(caller, &mut cursors).await {
                list.missed += news.missed;
                list.queries.extend(news.queries.iter().map(|record| question(&connection, record)));
            }
            list.queries.sort_by_key(|query| query.at);
            let is_worth_it = is_first || !list.queries.is_empty();
            is_first = false;
            if is_worth_it && sender.send(Ok(list)).await.is_err() || !follow {
                return;
            }
            tokio::select! {
                () = sleep(limits::QUERIES_REFRESH) => {}
                () = sender.closed() => return,
            }
        }
    })
}

fn question(connection: &str, record: &QueryRecord) -> Query {
    let (by, server) = match &record.by {
        By::Memory => (query::By::Memory, String::new()),
        By::Cluster(None) => (query::By::Manager, String::new()),
        By::Cluster(Some(pod)) => (query::By::Agent, pod.to_string()),
        By::Host(server) => (query::By::Host, server.to_string()),
        By::Nobody => (query::By::Hawser, String::new()),
    };
    let (outcome, why) = match record.outcome {
        Outcome::Found => (query::Outcome::Answered, String::new()),
        Outcome::NoSuchName => (query::Outcome::NoSuchName, String::new()),
        Outcome::NoSuchRecord => (query::Outcome::NoSuchRecord, String::new()),
        Outcome::Failed(why) => (query::Outcome::Failed, words(why)),
    };
    Query {
        connection: connection.to_owned(),
        id: record.id,
        name: record.name.to_string(),
        record: kind(record.record),
        source: record.source.map(|source| source.to_string()).unwrap_or_default(),
        uid: record.uid,
        answered_by: by.into(),
        server,
        outcome: outcome.into(),
        why,
        took_us: record.took_us,
        at: milliseconds(record.at),
    }
}

/// By the names of RFC 6895, section 2.3.
fn words(why: Why) -> String {
    match why {
        Why::Code(1) => "the server could not read the question (FORMERR)".to_owned(),
        Why::Code(2) => "the server failed (SERVFAIL)".to_owned(),
        Why::Code(4) => "the server cannot do that (NOTIMP)".to_owned(),
        Why::Code(5) => "the server refused (REFUSED)".to_owned(),
        Why::Code(code) => format!("the server answered with code {code}"),
        Why::Silence => "no server answered in time".to_owned(),
        Why::NotConnected => "the cluster cannot be asked now".to_owned(),
        Why::TooMany => "too many questions wait already".to_owned(),
        Why::NotAsked => "questions of this kind are asked for nobody".to_owned(),
    }
}

/// A type of record by its name, as dig writes it (RFC 3597, section 5).
fn kind(number: u16) -> String {
    let name = match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        64 => "SVCB",
        65 => "HTTPS",
        255 => "ANY",
        257 => "CAA",
        _ => return format!("TYPE{number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn record(by: By, outcome: Outcome) -> QueryRecord {
        QueryRecord {
            id: 3,
            name: "web".into(),
            record: 65,
            source: Some("198.18.0.1:40000".parse().unwrap()),
            uid: Some(1000),
            by,
            outcome,
            took_us: 7,
            at: UNIX_EPOCH + Duration::from_millis(9),
        }
    }

    #[test]
    fn a_question_says_who_answered_it_and_how() {
        let told = question("shop", &record(By::Host("192.0.2.53:53".parse().unwrap()), Outcome::Found));
        let expected = Query {
            connection: "shop".into(),
            id: 3,
            name: "web".into(),
            record: "HTTPS".into(),
            source: "198.18.0.1:40000".into(),
            uid: Some(1000),
            answered_by: query::By::Host.into(),
            server: "192.0.2.53:53".into(),
            outcome: query::Outcome::Answered.into(),
            why: String::new(),
            took_us: 7,
            at: 9,
        };
        assert_eq!(told, expected);
        for (by, expected, server) in [
            (By::Memory, query::By::Memory, ""),
            (By::Cluster(None), query::By::Manager, ""),
            (By::Cluster(Some("web-0".into())), query::By::Agent, "web-0"),
            (By::Nobody, query::By::Hawser, ""),
        ] {
            let told = question("shop", &record(by, Outcome::NoSuchName));
            assert_eq!((told.answered_by(), told.server.as_str()), (expected, server));
            assert_eq!(told.outcome(), query::Outcome::NoSuchName);
        }
    }

    #[test]
    fn a_failure_is_a_sentence() {
        for (why, expected) in [
            (Why::Code(5), "the server refused (REFUSED)"),
            (Why::Code(9), "the server answered with code 9"),
            (Why::Silence, "no server answered in time"),
        ] {
            let told = question("shop", &record(By::Nobody, Outcome::Failed(why)));
            assert_eq!((told.outcome(), told.why.as_str()), (query::Outcome::Failed, expected));
        }
        assert_eq!((kind(28), kind(999)), ("AAAA".to_owned(), "TYPE999".to_owned()));
    }
}
