//! The way to the first link.

use hawser_fault::{Code, Fault};

use super::{
    Connected, Context, Disconnected, Disconnecting, Failed, Host, Joined, NeedsLogin, Reconnecting, Retry, State,
    Then, is_lasting,
};

/// A connection that had no link since the helper started.
pub struct Connecting {
    /// Why it is made.
    pub origin: Origin,
}

/// Why a connection is made; decides what a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody asked and waits for the answer: a failure ends it, and nothing of it remains.
    Asked,
    /// It was there before: a failure is one more obstacle on the way back.
    Restored,
}

impl Connecting {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let mut joined = match Joined::make(context).await {
            Ok(joined) => joined,
            Err(cause) => return self.without_device(context, cause),
        };
        match context.unless_stopped(joined.link(context)).await {
            None => State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) }),
            Some(Ok(())) => State::Connected(Connected { joined }),
            Some(Err(cause)) => self.without_link(context, joined, cause),
        }
    }

    fn without_device<H: Host>(self, context: &Context<H>, cause: Fault) -> State {
        match self.origin {
            Origin::Restored => State::Failed(Failed { cause, retry: Retry::Restore }),
            Origin::Asked => give_up(context, cause).into_state(),
        }
    }

    fn without_link<H: Host>(self, context: &Context<H>, joined: Joined, cause: Fault) -> State {
        match self.origin {
            _ if cause.code == Code::LoginRequired => State::NeedsLogin(NeedsLogin { joined, cause }),
            Origin::Asked => State::Disconnecting(Disconnecting { joined, then: give_up(context, cause) }),
            Origin::Restored if is_lasting(cause.code) => State::Failed(Failed { cause, retry: Retry::Relink(joined) }),
            Origin::Restored => State::Reconnecting(Reconnecting { joined, cause }),
        }
    }
}

/// Nobody wants a connection that never was. What somebody has to mend first stays listed until they try again.
fn give_up<H: Host>(context: &Context<H>, cause: Fault) -> Then {
    context.host.forget(&context.wish.id);
    if is_lasting(cause.code) { Then::Failed(cause, Retry::Never) } else { Then::Disconnected(Some(cause)) }
}

impl Then {
    /// Where to without anything to take down.
    pub(super) fn into_state(self) -> State {
        match self {
            Then::Disconnected(cause) => State::Disconnected(Disconnected { cause }),
            Then::Failed(cause, retry) => State::Failed(Failed { cause, retry }),
        }
    }
}
