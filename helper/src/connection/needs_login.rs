//! The manager wants to know who the user is. A standalone manager knows users by their key and never asks.

use hawser_fault::Fault;

use super::{Context, Disconnected, Host, State};

/// A connection that waits for its user to log in; without a device, since nothing may pass before that.
pub struct NeedsLogin {
    /// What is asked for.
    pub(super) cause: Fault,
}

impl NeedsLogin {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let _: Option<()> = context.unless_stopped(std::future::pending()).await;
        State::Disconnected(Disconnected { cause: None })
    }
}
