//! One connection as a state machine: a type and a file for each state, and entering one consumes the other.
//!
//! ```text
//! asked -> Connecting -> Connected <-> Reconnecting <-> Failed or NeedsLogin      any -> Disconnecting -> Disconnected
//! ```
//!
//! A state holds what exists in it and nothing else: [`Connected`] has a device with its data plane, [`Disconnected`]
//! cannot have one. Everything that a state does to the world goes through [`Host`].

mod backoff;
mod connected;
mod connecting;
mod context;
mod dials;
mod disconnected;
mod disconnecting;
mod failed;
mod host;
mod joined;
mod naming;
mod needs_login;
mod plan;
#[cfg(test)]
pub mod pretend;
mod reconnecting;
mod replacing;
mod rerouting;
pub mod status;
#[cfg(test)]
mod tests;

use hawser_fault::Code;

pub use backoff::Backoff;
pub use connected::Connected;
pub use connecting::{Connecting, Origin};
pub use context::{Context, Stop, Stopper};
pub use disconnected::Disconnected;
pub use disconnecting::{Disconnecting, Then};
pub use failed::{Failed, Retry};
pub use host::{DataPlane, Host, Names, PlaneSlot};
pub use joined::Joined;
pub use needs_login::NeedsLogin;
pub use reconnecting::Reconnecting;
pub use rerouting::Reroute;
pub use status::{Phase, Status};

/// Where a connection stands.
pub enum State {
    /// Being made for the first time since the helper started.
    Connecting(Connecting),
    /// Carrying traffic.
    Connected(Connected),
    /// Had a link, or will have one as soon as the manager can be reached.
    Reconnecting(Reconnecting),
    /// Waits for the user.
    NeedsLogin(NeedsLogin),
    /// Something is wrong that dialling again does not mend.
    Failed(Failed),
    /// Being taken down.
    Disconnecting(Disconnecting),
    /// The end.
    Disconnected(Disconnected),
}

/// Runs a connection from its first state to its end.
pub async fn run<H: Host>(first: Connecting, context: Context<H>) {
    let mut state = State::Connecting(first);
    loop {
        context.enter(state.phase());
        state = match state {
            State::Connecting(state) => state.next(&context).await,
            State::Connected(state) => state.next(&context).await,
            State::Reconnecting(state) => state.next(&context).await,
            State::NeedsLogin(state) => state.next(&context).await,
            State::Failed(state) => state.next(&context).await,
            State::Disconnecting(state) => state.next(&context).await,
            State::Disconnected(_) => return,
        }
    }
}

impl State {
    /// What people are shown of it.
    fn phase(&self) -> Phase {
        match self {
            State::Connecting(_) => Phase::Connecting,
            State::Connected(_) => Phase::Connected,
            State::Reconnecting(state) => Phase::Reconnecting(state.cause.clone()),
            State::NeedsLogin(state) => Phase::NeedsLogin(state.cause.clone()),
            State::Failed(state) => Phase::Failed(state.cause.clone()),
            State::Disconnecting(_) => Phase::Disconnecting,
            State::Disconnected(state) => Phase::Disconnected(state.cause.clone()),
        }
    }
}

/// Whether dialling again at once cannot help: somebody has to change something first.
pub fn is_lasting(code: Code) -> bool {
    is_refusal(code)
        || matches!(
            code,
            Code::PinMismatch
                | Code::VersionMismatch
                | Code::ManagerRefused
                | Code::ProtocolViolation
                | Code::SubnetConflict
                | Code::SubnetInvalid
                | Code::TunUnavailable
                | Code::NetworkChange
                | Code::DnsUnavailable
                | Code::StateUnwritable
                | Code::FileUnreadable
                | Code::KeyMalformed
                | Code::LimitReached
                | Code::Internal
                | Code::ApiUntrusted
                | Code::KubeconfigMalformed
                | Code::KubeconfigMissing
                | Code::KubeconfigEmpty
                | Code::ContextUnknown
                | Code::ClusterUnknown
                | Code::UserUnknown
                | Code::PluginMissing
                | Code::PluginFailed
                | Code::PluginTimedOut
                | Code::CredentialMalformed
                | Code::CredentialExpired
                | Code::AuthProviderUnsupported
        )
}

/// Whether the cluster said no. An API server that has just started says so to everybody for a while.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::RightsMissing | Code::SessionRefused | Code::ManagerAbsent | Code::ApiRefused | Code::LoginRequired
    )
}
