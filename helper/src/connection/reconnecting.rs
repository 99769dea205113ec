//! The link is gone; device and routes stay, so that traffic ends with an error instead of leaving by another way.

use hawser_fault::{Code, Fault};
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::{
    Connected, Context, Disconnecting, Failed, Host, Joined, NeedsLogin, Retry, State, Then, is_lasting, is_refusal,
};
use crate::limits;

/// A connection that dials again until it is back.
pub struct Reconnecting {
    pub(super) joined: Joined,
    /// What ended the last link.
    pub(super) cause: Fault,
}

impl Reconnecting {
    pub(super) async fn next<H: Host>(mut self, context: &Context<H>) -> State {
        let mut backoff = Backoff::new();
        let began = Instant::now();
        loop {
            let started = Instant::now();
            let believed = is_refusal(self.cause.code) || began.elapsed() > limits::DISBELIEF;
            match context.unless_stopped(self.joined.link(context)).await {
                None => break,
                Some(Ok(())) => return State::Connected(Connected { joined: self.joined }),
                Some(Err(cause)) if is_refusal(cause.code) && !believed => {
                    context.step(format!("waiting to dial again: {}", cause.detail));
                }
                Some(Err(cause)) if cause.code == Code::LoginRequired => {
                    return State::NeedsLogin(NeedsLogin { joined: self.joined, cause });
                }
                Some(Err(cause)) if is_lasting(cause.code) => {
                    return State::Failed(Failed { cause, retry: Retry::Relink(self.joined) });
                }
                Some(Err(fault)) => context.step(format!("waiting to dial again: {}", fault.detail)),
            }
            // Counted from the start: an attempt that took its time was wait enough.
            if context.pause(sleep_until(started + backoff.next())).await.is_none() {
                break;
            }
        }
        State::Disconnecting(Disconnecting { joined: self.joined, then: Then::Disconnected(None) })
    }
}
