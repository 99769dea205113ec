//! The link is up; routes and names lead to it.

use hawser_fault::{Code, Fault};

use super::{Context, Disconnecting, Host, Joined, Reconnecting, Retry, State, Then};
use crate::plane::PlaneEvent;

/// A connection that carries traffic.
pub struct Connected {
    pub(super) joined: Joined,
}

impl Connected {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let mut joined = self.joined;
        loop {
            match context.unless_stopped(joined.events.recv()).await {
                None => return State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) }),
                Some(Some(PlaneEvent::Lost(cause))) => return State::Reconnecting(Reconnecting { joined, cause }),
                Some(Some(PlaneEvent::Changed(cluster))) => {
                    if let Err(cause) = joined.apply(context, cluster).await {
                        // The next link says the whole again.
                        return State::Reconnecting(Reconnecting { joined, cause });
                    }
                    context.step("");
                }
                Some(None) => {
                    let cause = Fault::new(Code::Internal, "the data plane ended by itself");
                    return State::Disconnecting(Disconnecting { joined, then: Then::Failed(cause, Retry::Restore) });
                }
            }
        }
    }
}
