//! The link is gone; device and routes stay, so that traffic ends with an error instead of leaving by another way.

use hawser_fault::{Code, Fault};
use tokio::sync::watch;
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
        let mut news = context.host.news();
        loop {
            let started = Instant::now();
            let believed = is_refusal(self.cause.code) || began.elapsed() > limits::DISBELIEF;
            let attempt = async {
                tokio::select! {
                    outcome = self.joined.link(context) => Some(outcome),
                    () = another_network(&mut news, started) => None,
                }
            };
            let outcome = match context.unless_stopped(attempt).await {
                Some(None) => {
                    backoff = Backoff::new();
                    continue;
                }
                Some(outcome) => outcome,
                None => None,
            };
            match outcome {
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
            let mut is_another = false;
            let wait = async {
                tokio::select! {
                    () = sleep_until(started + backoff.next()) => {}
                    () = another_network(&mut news, started) => is_another = true,
                }
            };
            if context.pause(wait).await.is_none() {
                break;
            }
            if is_another {
                backoff = Backoff::new();
            }
        }
        State::Disconnecting(Disconnecting { joined: self.joined, then: Then::Disconnected(None) })
    }
}

/// Ready when something has happened to the machine since the attempt that `started` then, which is given a moment first: what is on
/// its way through a network that is gone does not come back.
async fn another_network(news: &mut watch::Receiver<String>, started: Instant) {
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep_until(started + limits::REDIAL_LONGEST / 2).await;
}
