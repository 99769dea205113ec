//! Something has to be changed by somebody: the manager's key, its version, a route that is in the way.

use hawser_fault::{Code, Fault};
use tokio::time::sleep;

use super::{
    Connected, Connecting, Context, Disconnected, Disconnecting, Host, Joined, NeedsLogin, Origin, Reconnecting, State,
    Then, is_lasting,
};
use crate::limits;

/// A connection that dialling again does not bring back.
pub struct Failed {
    /// What has to be changed.
    pub(super) cause: Fault,
    /// What is left to do.
    pub(super) retry: Retry,
}

/// What becomes of a failed connection.
pub enum Retry {
    /// It never was one: it is only shown until somebody ends it or asks again.
    Never,
    /// Its device could not be made; try from the beginning.
    Restore,
    /// It has its device; dial again slowly, since the manager may be in the middle of an upgrade.
    Relink(Joined),
}

impl Failed {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let ended = State::Disconnected(Disconnected { cause: None });
        match self.retry {
            Retry::Never => {
                let _: Option<()> = context.unless_stopped(std::future::pending()).await;
                ended
            }
            Retry::Restore => match context.pause(sleep(limits::RETRY_FAILED)).await {
                None => ended,
                Some(()) => State::Connecting(Connecting { origin: Origin::Restored }),
            },
            Retry::Relink(joined) => relink(joined, context).await,
        }
    }
}

async fn relink<H: Host>(mut joined: Joined, context: &Context<H>) -> State {
    let attempt = match context.pause(sleep(limits::RETRY_FAILED)).await {
        None => None,
        Some(()) => context.unless_stopped(joined.link(context)).await,
    };
    match attempt {
        None => State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) }),
        Some(Ok(())) => State::Connected(Connected { joined }),
        Some(Err(cause)) if cause.code == Code::LoginRequired => State::NeedsLogin(NeedsLogin { joined, cause }),
        Some(Err(cause)) if is_lasting(cause.code) => State::Failed(Failed { cause, retry: Retry::Relink(joined) }),
        Some(Err(cause)) => State::Reconnecting(Reconnecting { joined, cause }),
    }
}
