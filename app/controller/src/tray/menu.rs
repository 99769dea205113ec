//! The menu.

use std::time::Duration;

use hawser_client::intercept::Place;
use hawser_client::units;
use hawser_fault::Fault;
use hawser_ipc::proto::{InterceptPhase, InterceptState};

use super::state::Summary;
use super::{Item, TrayAct};
use crate::facts::{Entry, Facts, Origin};
use crate::shown;
use crate::view::{ConnectionState, HelperState, Ms, Remedy, Screen};
use crate::{Act, Copyable, limits};

pub(super) fn of(facts: &Facts, state: &Summary, now: Ms) -> Vec<Item> {
    let mut menu = vec![Item::Words(state.words.clone())];
    menu.extend(facts.helper.problem.as_ref().and_then(|problem| problem.remedy.clone()).and_then(remedy));
    menu.push(Item::Line);
    menu.extend(contexts(facts, now));
    let intercepts: Vec<_> = facts.intercepts().filter(|(_, state)| state.phase() != InterceptPhase::Ended).collect();
    if !intercepts.is_empty() {
        menu.push(Item::Line);
        menu.extend(intercepts.iter().take(limits::MENU).map(|(place, state)| intercept(facts, place, state, now)));
    }
    if facts.connections().count() >= 2 {
        let label = ending("Disconnect all", intercepts.len());
        menu.push(press(&label, Act::StopAll, facts.helper.is_up()));
    }
    menu.push(Item::Line);
    menu.extend([
        open("Open Hawser", state.screen),
        open("Doctor", Screen::Doctor),
        open("Settings", Screen::Settings),
    ]);
    menu.push(Item::Line);
    let quit = match intercepts.len() {
        0 => "Quit".to_owned(),
        1 => "Quit; 1 intercept goes on".to_owned(),
        count => format!("Quit; {count} intercepts go on"),
    };
    menu.push(Item::Press { label: quit, act: TrayAct::Quit, enabled: true });
    menu
}

fn remedy(remedy: Remedy) -> Option<Item> {
    let label = match &remedy {
        Remedy::StartHelper => "Start the helper",
        Remedy::RestartHelper => "Start the helper anew",
        Remedy::JoinGroup => "Join the group hawser",
        Remedy::LogIn { .. } | Remedy::UnlockKeyring | Remedy::Retry { .. } | Remedy::Show { .. } => return None,
    };
    Some(press(label, Act::Remedy { remedy }, true))
}

/// Connected ones first.
fn contexts(facts: &Facts, now: Ms) -> Vec<Item> {
    let mut rows: Vec<(ConnectionState, &Entry)> =
        facts.contexts.entries.iter().map(|entry| (shown::row_state(facts, entry).0, entry)).collect();
    rows.sort_by_key(|(state, _)| *state == ConnectionState::Off);
    let mut items: Vec<Item> =
        rows.iter().take(limits::MENU).map(|(state, entry)| context(facts, *state, entry, now)).collect();
    if rows.len() > limits::MENU {
        items.push(open(&format!("{} more…", rows.len() - limits::MENU), Screen::Clusters));
    }
    if items.is_empty() && facts.helper.state != HelperState::Calling {
        items.push(Item::Words("No cluster was found".to_owned()));
    }
    items
}

fn context(facts: &Facts, state: ConnectionState, entry: &Entry, now: Ms) -> Item {
    let is_up = facts.helper.is_up();
    let connection = facts.contexts.connection_of(entry.id).map(str::to_owned);
    let name = connection.as_deref().unwrap_or(&entry.name);
    let connect = |label: String| press(&label, Act::Connect { context: entry.id }, is_up);
    let Some(connection) = connection.clone() else {
        return match state {
            ConnectionState::Failed => connect(format!("Try {name} again")),
            ConnectionState::Connecting => Item::Words(format!("{name}: connecting")),
            _ => connect(format!("Connect {name}")),
        };
    };
    let mut items = Vec::new();
    match state {
        ConnectionState::NeedsLogin => items.push(log_in("Log in", entry, &connection, is_up)),
        ConnectionState::Connected => {
            let troubles = facts.connection(&connection).into_iter().flat_map(|connection| &connection.troubles);
            items.extend(troubles.map(|trouble| Item::Words(Fault::from(trouble.clone()).code.title().to_owned())));
            if let Some((_, end)) = facts.logins_that_end(now).find(|(known, _)| known.name == connection) {
                items.push(Item::Words(format!("Your login ends soon{}", left(end.0, now))));
                items.push(log_in("Log in again", entry, &connection, is_up));
            }
        }
        ConnectionState::Failed => items.push(press("Try again", Act::Retry { context: entry.id }, is_up)),
        _ => {}
    }
    let ends = state == ConnectionState::Disconnecting;
    let label = ending("Disconnect", facts.live(&connection).count());
    items.push(press(&label, Act::Disconnect { connection }, is_up && !ends));
    Item::Sub { label: format!("{name}: {}", words(state)), items }
}

fn log_in(label: &str, entry: &Entry, connection: &str, is_up: bool) -> Item {
    match &entry.origin {
        Origin::Context(context) if context.at_terminal => {
            press("Copy the command that logs in", Act::Copy { what: Copyable::Login { context: entry.id } }, true)
        }
        _ => press(label, Act::LogIn { connection: connection.to_owned() }, is_up),
    }
}

fn ending(words: &str, intercepts: usize) -> String {
    match intercepts {
        0 => words.to_owned(),
        1 => format!("{words}; ends 1 intercept"),
        count => format!("{words}; ends {count} intercepts"),
    }
}

fn words(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Off => "not connected",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Reconnecting => "connecting again",
        ConnectionState::NeedsLogin => "waits for your login",
        ConnectionState::Failed => "failed",
        ConnectionState::Disconnecting => "disconnecting",
    }
}

fn intercept(facts: &Facts, place: &Place, state: &InterceptState, now: Ms) -> Item {
    let Place { connection, name } = place.clone();
    let is_up = facts.helper.is_up();
    let mut items = vec![
        press("Leave", Act::Leave { connection: connection.clone(), intercept: name.clone() }, is_up),
        press(
            "Extend by 1 h",
            Act::Extend { connection: connection.clone(), intercept: name.clone(), minutes: Some(60) },
            is_up && state.until != 0,
        ),
    ];
    if shown::curl(facts, place).is_some() {
        let what = Copyable::Curl { connection: connection.clone(), intercept: name.clone() };
        items.push(press("Copy curl", Act::Copy { what }, true));
    }
    if state.mount.as_ref().is_some_and(|mount| mount.mounted) {
        items.push(press(
            "Open folder",
            Act::OpenFiles { connection: connection.clone(), intercept: name.clone() },
            true,
        ));
    }
    Item::Sub { label: format!("{name} in {}, held by you{}", state.namespace, left(state.until, now)), items }
}

/// Coarse, so that the menu seldom changes: minutes, above an hour in steps of five.
fn left(until: i64, now: Ms) -> String {
    if until == 0 {
        return String::new();
    }
    let minutes = units::since(now.0, until).as_secs() / 60;
    let minutes = if minutes >= 60 { minutes / 5 * 5 } else { minutes };
    match minutes {
        0 => ", less than 1 min left".to_owned(),
        1..60 => format!(", {minutes} min left"),
        _ => format!(", {} left", units::age(Duration::from_secs(minutes * 60))),
    }
}

fn press(label: &str, act: Act, enabled: bool) -> Item {
    Item::Press { label: label.to_owned(), act: TrayAct::Act(act), enabled }
}

fn open(label: &str, screen: Screen) -> Item {
    Item::Press { label: label.to_owned(), act: TrayAct::Open(screen), enabled: true }
}
