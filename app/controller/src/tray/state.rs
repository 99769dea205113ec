//! The state of everything in one line: the first thing that fits, the most urgent one first.

use hawser_fault::Fault;
use hawser_ipc::proto::{Connection, InterceptPhase, State};

use super::Shape;
use crate::facts::{Facts, lasts};
use crate::shown;
use crate::view::{HelperState, Ms, Screen};

pub(crate) struct Summary {
    pub(crate) shape: Shape,
    pub(crate) words: String,
    /// Where more is said.
    pub(crate) screen: Screen,
}

/// Something that somebody has to look at.
pub(crate) struct Trouble {
    pub(crate) words: String,
    pub(crate) screen: Screen,
}

pub(crate) fn state(facts: &Facts, now: Ms) -> Summary {
    let summary = |shape, words, screen| Summary { shape, words, screen };
    if facts.helper.state == HelperState::Calling {
        return summary(Shape::Working, "Calling the helper".to_owned(), Screen::Clusters);
    }
    if let Some(problem) = &facts.helper.problem {
        return summary(Shape::Missing, problem.title.clone(), Screen::Clusters);
    }
    if let Some(trouble) = troubles(facts, now).into_iter().next() {
        return summary(Shape::Attention, trouble.words, trouble.screen);
    }
    if let Some((words, screen)) = working(facts) {
        return summary(Shape::Working, words, screen);
    }
    let connected: Vec<&Connection> =
        facts.connections().filter(|connection| connection.state() == State::Connected).collect();
    let active = facts.intercepts().filter(|(_, state)| state.phase() == InterceptPhase::Active);
    let mut places: Vec<String> = active.map(|(place, _)| place.connection).collect();
    let count = places.len();
    places.dedup();
    match (count, places.as_slice(), connected.as_slice()) {
        (0, _, []) => summary(Shape::Off, "Not connected".to_owned(), Screen::Clusters),
        (0, _, [one]) => summary(Shape::On, format!("{} connected", one.name), Screen::Clusters),
        (0, _, all) => summary(Shape::On, format!("{} clusters connected", all.len()), Screen::Clusters),
        (1, _, _) => summary(Shape::Intercepting, format!("1 intercept on {}", places[0]), Screen::Intercepts),
        (_, [one], _) => summary(Shape::Intercepting, format!("{count} intercepts on {one}"), Screen::Intercepts),
        _ => summary(Shape::Intercepting, format!("{count} intercepts"), Screen::Intercepts),
    }
}

/// What wants to be looked at, the most urgent first.
pub(crate) fn troubles(facts: &Facts, now: Ms) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |screen, name: &str, what: &str| troubles.push(Trouble { words: format!("{name}: {what}"), screen });
    for connection in facts.connections().filter(|connection| connection.state() == State::NeedsLogin) {
        add(Screen::Clusters, &connection.name, "you have to log in");
    }
    for connection in facts.connections().filter(|connection| connection.state() == State::Failed) {
        add(Screen::Clusters, &connection.name, &title(connection.cause.as_ref(), "it failed"));
    }
    for connection in facts.connections() {
        for trouble in &connection.troubles {
            add(Screen::Clusters, &connection.name, &title(Some(trouble), "a part of it does not work"));
        }
    }
    for (context, _, fault) in facts.attempts.failed().filter(|(_, attempt, _)| !attempt.seen) {
        if let Some(entry) = facts.contexts.entry(context) {
            add(Screen::Clusters, &entry.name, fault.code.title());
        }
    }
    for (connection, _) in facts.logins_that_end(now) {
        add(Screen::Clusters, &connection.name, "your login ends soon");
    }
    for (place, state) in facts.intercepts() {
        let cause = state.cause.as_ref();
        let watch = facts.watched.of(&place);
        let is_over = matches!(state.phase(), InterceptPhase::Ended | InterceptPhase::Waiting) && cause.is_some();
        if is_over && !facts.watched.is_seen(&place, state) {
            add(Screen::Intercepts, &place.name, &title(cause, "it has ended"));
        } else if let Some(cause) = state.mount.as_ref().and_then(|mount| mount.cause.as_ref()) {
            add(Screen::Intercepts, &place.name, &title(Some(cause), "its files are not mounted"));
        } else if state.phase() != InterceptPhase::Active {
        } else if watch.and_then(|watch| watch.missed_since).is_some_and(|since| lasts(since, now)) {
            add(Screen::Intercepts, &place.name, "a replica does not reach this computer");
        } else if watch.is_some_and(|watch| {
            watch.failed_ways().next().is_some() && watch.proof.as_ref().is_some_and(|proof| lasts(proof.at, now))
        }) {
            add(Screen::Intercepts, &place.name, "not all that clients ask for comes here");
        } else if let Some((port, _)) = watch.and_then(|watch| watch.silent().find(|(_, since)| lasts(*since, now))) {
            add(Screen::Intercepts, &place.name, &format!("nobody listens on port {port}"));
        }
    }
    troubles
}

/// What is being made or ended.
fn working(facts: &Facts) -> Option<(String, Screen)> {
    let doing = |state: State| match state {
        State::Connecting => Some("connecting"),
        State::Reconnecting => Some("connecting again"),
        State::Disconnecting => Some("disconnecting"),
        _ => None,
    };
    let mut connections = facts.connections().filter_map(|connection| {
        let doing = doing(connection.state())?;
        let what = if connection.step.is_empty() { doing } else { &connection.step };
        Some((format!("{}: {what}", connection.name), Screen::Clusters))
    });
    connections.next().or_else(|| attempted(facts)).or_else(|| {
        facts.intercepts().find_map(|(place, state)| match state.phase() {
            InterceptPhase::Pending | InterceptPhase::Preparing => {
                let what = if state.step.is_empty() { "asking the cluster" } else { &state.step };
                Some((format!("{}: {what}", place.name), Screen::Intercepts))
            }
            _ => None,
        })
    })
}

/// What is tried of which the helper doesn't tell yet.
fn attempted(facts: &Facts) -> Option<(String, Screen)> {
    let mut entries = facts.contexts.entries.iter();
    let tried = entries.find(|entry| {
        facts.attempts.of(entry.id).is_some_and(|attempt| attempt.fault.is_none())
            && shown::row_state(facts, entry).0 == crate::view::ConnectionState::Connecting
    })?;
    Some((format!("{}: connecting", tried.name), Screen::Clusters))
}

fn title(cause: Option<&hawser_ipc::proto::Fault>, otherwise: &str) -> String {
    cause.cloned().map(Fault::from).map_or_else(|| otherwise.to_owned(), |fault| fault.code.title().to_owned())
}
