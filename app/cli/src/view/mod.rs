//! What people read, as pure functions of what the helper said.

pub(crate) mod doctor;
pub(crate) mod flows;
pub(crate) mod install;
pub(crate) mod intercept;
pub(crate) mod list;
pub(crate) mod logs;
mod rights;
pub(crate) mod status;

use hawser_ipc::proto::{Outcome, State};

/// The name of a state, the same for people and in JSON.
pub(crate) fn state_name(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Disconnected => "disconnected",
        State::Connecting => "connecting",
        State::Connected => "connected",
        State::Reconnecting => "reconnecting",
        State::NeedsLogin => "needs-login",
        State::Failed => "failed",
        State::Disconnecting => "disconnecting",
    }
}

/// The name of a check's outcome, the same for people and in JSON.
pub(crate) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Warn => "warn",
        // A newer helper's outcome that this program doesn't know is nothing to rely on.
        Outcome::Fail | Outcome::Unspecified => "fail",
    }
}
