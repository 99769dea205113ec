//! The user has to log in to the cluster before anything can go on.

use hawser_fault::Fault;
use tokio::time::timeout;

use super::{Context, Disconnecting, Host, Joined, Reconnecting, State, Then};
use crate::limits;

/// A connection that waits for its user. Its device stays, so that traffic ends with an error instead of leaving by another
/// way.
pub struct NeedsLogin {
    pub(super) joined: Joined,
    /// What is asked for.
    pub(super) cause: Fault,
}

impl NeedsLogin {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let Self { joined, cause } = self;
        let login = async {
            let _ = timeout(limits::RETRY_LOGIN, context.host.logged_in(&context.wish)).await;
        };
        match context.pause(login).await {
            None => State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) }),
            Some(()) => State::Reconnecting(Reconnecting { joined, cause }),
        }
    }
}
