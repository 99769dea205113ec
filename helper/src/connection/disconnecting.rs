//! Taking everything down.

use hawser_fault::Fault;

use super::{Context, Host, Joined, Retry, State};

/// A connection that ends.
pub struct Disconnecting {
    pub(super) joined: Joined,
    pub(super) then: Then,
}

/// What follows once nothing of the connection is left on the host.
pub enum Then {
    /// The end; with a cause if nobody asked for it.
    Disconnected(Option<Fault>),
    /// A connection without a device.
    Failed(Fault, Retry),
}

impl Disconnecting {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        context.step("ending its flows");
        self.joined.take_down(context).await;
        self.then.into_state()
    }
}
