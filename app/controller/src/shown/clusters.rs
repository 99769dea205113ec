//! Contexts and connections.

use std::path::Path;

use hawser_client::kubeconfig::{Context, folder};
use hawser_fault::Fault;
use hawser_ipc::proto::Connection;

use super::intercepts::quoted;
use super::{count, problem, state};
use crate::facts::{Entry, Facts, Origin, Past};
use crate::limits;
use crate::view::{
    Bytes, ClusterRow, Clusters, ConnectionState, ContextId, Foreign, Kind, Ms, Possible, Problem, Remedy, RowActs,
};

pub(crate) fn clusters(facts: &Facts) -> Clusters {
    let search = facts.search.to_lowercase();
    let mut rows: Vec<ClusterRow> = facts.contexts.entries.iter().map(|entry| row(facts, entry)).collect();
    let total = rows.len();
    rows.retain(|row| search.is_empty() || contains(row, &search));
    // Stable: in each half they stay as they were found.
    rows.sort_by_key(|row| row.state == ConnectionState::Off);
    rows.truncate(limits::CLUSTERS);
    Clusters {
        rows,
        total: count(total),
        search: facts.search.clone(),
        unreadable: facts.contexts.faults.iter().map(Problem::from).collect(),
        others: others(facts),
    }
}

/// How it is with what can be connected, and why.
pub(crate) fn row_state(facts: &Facts, entry: &Entry) -> (ConnectionState, Option<Problem>) {
    if let Some(connection) = connection(facts, entry.id) {
        let state = state(connection.state());
        let remedy = match state {
            ConnectionState::NeedsLogin if !is_at_terminal(entry) => {
                Some(Remedy::LogIn { connection: connection.name.clone() })
            }
            ConnectionState::Failed => Some(Remedy::Retry { context: entry.id }),
            _ => None,
        };
        return (state, problem(connection.cause.as_ref()).map(|problem| problem.with_remedy(remedy)));
    }
    match facts.attempts.of(entry.id) {
        None => (ConnectionState::Off, None),
        Some(attempt) => match &attempt.fault {
            None => (ConnectionState::Connecting, None),
            Some(fault) => {
                let problem = Problem::from(fault).with_remedy(Remedy::Retry { context: entry.id });
                (ConnectionState::Failed, Some(problem))
            }
        },
    }
}

fn row(facts: &Facts, entry: &Entry) -> ClusterRow {
    let connection = connection(facts, entry.id);
    let past = connection.and_then(|connection| facts.history.of(connection));
    let (state, problem) = row_state(facts, entry);
    let (name, kind, server, source, plugin, current, namespace) = match &entry.origin {
        Origin::Context(context) => (
            context.name.clone(),
            Kind::Kubernetes,
            context.server.clone(),
            shortened(&context.file, facts),
            context.plugin.clone(),
            context.current,
            context.namespace.clone(),
        ),
        Origin::Manager(manager) => (
            entry.name.clone(),
            Kind::Standalone,
            manager.address.clone(),
            shortened(&manager.file, facts),
            None,
            false,
            String::new(),
        ),
        Origin::Connection => {
            let context = connection.map(|connection| connection.context.clone()).unwrap_or_default();
            let kind = if context.is_empty() { Kind::Standalone } else { Kind::Kubernetes };
            let target = connection.map(|connection| connection.target.clone()).unwrap_or_default();
            (entry.name.clone(), kind, target, String::new(), None, false, String::new())
        }
    };
    let known = connection.cloned().unwrap_or_default();
    ClusterRow {
        id: entry.id,
        connection: connection.map(|connection| connection.name.clone()),
        since: connection.map(|connection| Ms(connection.since)),
        steps: past.map(|past| past.steps.iter().cloned().collect()).unwrap_or_default(),
        namespace: if known.namespace.is_empty() { namespace } else { known.namespace.clone() },
        tuning: facts.stored.tuning(&entry.choice()),
        hops: match state {
            ConnectionState::Connected => past.map(Past::hops).unwrap_or_default(),
            _ => Vec::new(),
        },
        troubles: known.troubles.iter().cloned().map(Fault::from).map(Problem::from).collect(),
        way: known.way,
        manager: known.manager,
        sent: Bytes(known.sent_bytes),
        received: Bytes(known.received_bytes),
        open_flows: known.open_flows,
        login_expires: Some(Ms(known.login_expires)).filter(|at| at.0 > 0),
        login_says: facts.logging_in.get(&known.name).filter(|text| !text.is_empty()).cloned(),
        login_command: match &entry.origin {
            Origin::Context(context) if context.at_terminal => Some(login_command(context, &known.name)),
            _ => None,
        },
        acts: acts(facts, entry, state, known.login_expires > 0),
        name,
        kind,
        server,
        source,
        plugin,
        current,
        state,
        problem,
    }
}

fn is_at_terminal(entry: &Entry) -> bool {
    matches!(&entry.origin, Origin::Context(context) if context.at_terminal)
}

/// What logs in at a terminal, for a shell.
pub(crate) fn login_command(context: &Context, connection: &str) -> String {
    let mut words = vec!["hawser".to_owned(), "login".to_owned()];
    // Several files are those of the shell's own KUBECONFIG.
    if let [file] = context.selection.files.as_slice() {
        words.extend(["--kubeconfig".to_owned(), quoted(&file.to_string_lossy())]);
    }
    words.extend(["--context".to_owned(), quoted(&context.name)]);
    if !connection.is_empty() {
        words.extend(["--name".to_owned(), quoted(connection)]);
    }
    words.join(" ")
}

fn acts(facts: &Facts, entry: &Entry, state: ConnectionState, logged_in: bool) -> RowActs {
    let helper = || if facts.helper.is_up() { Possible::Yes } else { no("the helper does not answer") };
    let is_known = !matches!(entry.origin, Origin::Connection);
    let name = facts.contexts.connection_of(entry.id);
    let logging_in = name.is_some_and(|name| facts.logging_in.contains_key(name));
    RowActs {
        connect: match state {
            ConnectionState::Off | ConnectionState::Failed if is_known => helper(),
            ConnectionState::Off | ConnectionState::Failed => no("it is in none of your files any more"),
            ConnectionState::Disconnecting => no("it is being ended"),
            _ => no("it is connected, or being connected"),
        },
        disconnect: match state {
            ConnectionState::Off => no("it is not connected"),
            ConnectionState::Disconnecting => no("it is being ended"),
            ConnectionState::Failed if facts.contexts.connection_of(entry.id).is_none() => no("it is not connected"),
            _ => helper(),
        },
        log_in: match state {
            ConnectionState::NeedsLogin | ConnectionState::Connected if logging_in => {
                no("you are logging in; a browser may be waiting for you")
            }
            ConnectionState::NeedsLogin | ConnectionState::Connected if is_at_terminal(entry) => {
                no("it only works at a terminal")
            }
            ConnectionState::NeedsLogin if is_known => helper(),
            ConnectionState::Connected if is_known && logged_in => helper(),
            ConnectionState::NeedsLogin => no("it is in none of your files any more"),
            _ => no("it does not wait for a login"),
        },
    }
}

fn connection(facts: &Facts, id: ContextId) -> Option<&Connection> {
    facts.connection(facts.contexts.connection_of(id)?)
}

fn no(why: &str) -> Possible {
    Possible::No { why: why.to_owned() }
}

fn contains(row: &ClusterRow, search: &str) -> bool {
    [&row.name, &row.server, &row.source].iter().any(|text| text.to_lowercase().contains(search))
}

/// Paths below the home as `~`.
fn shortened(file: &Path, facts: &Facts) -> String {
    let folder = folder(&facts.surroundings.environment);
    let below = folder.as_deref().and_then(Path::parent).and_then(|home| file.strip_prefix(home).ok());
    below.map_or_else(|| file.display().to_string(), |below| format!("~/{}", below.display()))
}

fn others(facts: &Facts) -> Vec<Foreign> {
    let foreign = facts.helper.snapshot.connections.iter();
    let foreign = foreign.filter(|connection| connection.owner != facts.surroundings.uid);
    let shown = |connection: &Connection| Foreign {
        name: connection.name.clone(),
        user: facts.history.owner(connection),
        state: state(connection.state()),
    };
    foreign.take(limits::CLUSTERS).map(shown).collect()
}
