//! What is known, as it is shown: one function a view, each a pure one of the facts.

mod clusters;
mod doctor;
mod intercepts;
mod names;
mod picker;
mod settings;
mod shell;
mod subnets;
mod traffic;
mod welcome;
#[cfg(test)]
mod worlds;

use hawser_fault::Fault;
use hawser_ipc::proto;

pub(crate) use clusters::{clusters, login_command, row_state};
pub(crate) use doctor::{doctor, remedy_of};
pub(crate) use intercepts::{curl, intercepts};
pub(crate) use picker::{environment_path, picker};
pub(crate) use settings::settings;
pub(crate) use shell::shell;
pub(crate) use subnets::subnets;
pub(crate) use traffic::traffic;
pub(crate) use welcome::welcome;

use crate::facts::Facts;
use crate::view::{ConnectionState, Problem, Screen, Update};

/// The view of a screen.
pub(crate) fn screen(facts: &Facts, screen: Screen) -> Update {
    match screen {
        Screen::Welcome => Update::Welcome(welcome(facts)),
        Screen::Clusters => Update::Clusters(clusters(facts)),
        Screen::Subnets => Update::Subnets(subnets(facts)),
        Screen::Intercepts => Update::Intercepts(intercepts(facts)),
        Screen::Picker => Update::Picker(Box::new(picker(facts))),
        Screen::Traffic if facts.names.open => Update::Names(names::names(facts)),
        Screen::Traffic => Update::Traffic(traffic(facts)),
        Screen::Doctor => Update::Doctor(doctor(facts)),
        Screen::Settings => Update::Settings(settings(facts)),
    }
}

fn problem(cause: Option<&proto::Fault>) -> Option<Problem> {
    cause.cloned().map(Fault::from).map(Problem::from)
}

/// As the page has numbers.
fn count(number: usize) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// Of a table's rows those that are wanted, and the number of the first one. The last ones if fewer follow.
fn part<T: Clone>(rows: &[&T], first: u32, wanted: u32) -> (Vec<T>, u32) {
    let wanted = wanted as usize;
    let first = (first as usize).min(rows.len().saturating_sub(wanted));
    (rows[first..].iter().take(wanted).copied().cloned().collect(), count(first))
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn state(state: proto::State) -> ConnectionState {
    match state {
        proto::State::Unspecified | proto::State::Disconnected => ConnectionState::Off,
        proto::State::Connecting => ConnectionState::Connecting,
        proto::State::Connected => ConnectionState::Connected,
        proto::State::Reconnecting => ConnectionState::Reconnecting,
        proto::State::NeedsLogin => ConnectionState::NeedsLogin,
        proto::State::Failed => ConnectionState::Failed,
        proto::State::Disconnecting => ConnectionState::Disconnecting,
    }
}
