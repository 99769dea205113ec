//! The link is gone; device and routes stay, so that traffic ends with an error instead of leaving by another way.

use std::net::IpAddr;

use hawser_fault::{Code, Fault};
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::dials::Dials;
use super::joined::{Dialled, in_time};
use super::replacing::{Attempt, outcome};
use super::{
    Connected, Context, Disconnecting, Failed, Host, Joined, NeedsLogin, Reroute, Retry, State, Then, is_lasting,
    is_refusal,
};
use crate::limits;

/// A connection that dials again until it is back.
pub struct Reconnecting {
    pub(super) joined: Joined,
    /// What ended the last link.
    pub(super) cause: Fault,
}

impl Reconnecting {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let Self { mut joined, cause } = self;
        let mut backoff = Backoff::new();
        let began = Instant::now();
        let mut news = context.host.news();
        let mut dials = Dials::new(context);
        let mut due = Some(began);
        let mut look: Attempt<'_, Vec<IpAddr>> = None;
        loop {
            let next = async {
                tokio::select! {
                    biased;
                    dialled = dials.outcome() => Next::Dialled(Box::new(dialled)),
                    carriers = outcome(&mut look) => Next::Around(carriers),
                    Ok(()) = news.changed() => Next::Happened,
                    () = until(due) => Next::Due,
                    reroute = context.reroute(), if dials.is_empty() => Next::Reroute(reroute),
                }
            };
            let (started, outcome) = match context.unless_stopped(next).await {
                None => return State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) }),
                Some(Next::Around(carriers)) => {
                    joined.keep_free(context, carriers).await;
                    continue;
                }
                // What is on its way through a network that is gone does not come back; what is slow does.
                Some(Next::Happened) => {
                    backoff = Backoff::new();
                    let soonest = dials.last_began().map_or(began, |last| last + limits::REDIAL_NEWS);
                    due = Some(due.map_or(soonest, |due| due.min(soonest)));
                    continue;
                }
                Some(Next::Reroute(reroute)) => {
                    context.take_up_routing(reroute);
                    due = Some(Instant::now());
                    continue;
                }
                Some(Next::Due) => {
                    due = None;
                    if dials.is_empty() {
                        joined.forget_former_link();
                    }
                    dials.begin();
                    if look.is_none() {
                        look = Some(Box::pin(context.host.carriers(&context.wish)));
                    }
                    continue;
                }
                Some(Next::Dialled(dialled)) => match *dialled {
                    (started, Err(fault)) => (started, fault),
                    (started, Ok(dialled)) => {
                        dials.end();
                        match context.unless_stopped(in_time(joined.take_up(context, dialled))).await {
                            None => {
                                return State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) });
                            }
                            Some(Ok(())) => return State::Connected(Connected { joined }),
                            Some(Err(fault)) => (started, fault),
                        }
                    }
                },
            };
            let believed = is_refusal(cause.code) || started > began + limits::DISBELIEF;
            let is_refused = is_refusal(outcome.code) && !believed;
            // Another one may have begun in a better network.
            if !is_refused && dials.is_empty() {
                if outcome.code == Code::LoginRequired {
                    return State::NeedsLogin(NeedsLogin { joined, cause: outcome });
                }
                if is_lasting(outcome.code) {
                    return State::Failed(Failed { cause: outcome, retry: Retry::Relink(joined) });
                }
            }
            context.step(format!("waiting to dial again: {}", outcome.detail));
            if dials.is_empty() {
                // Counted from the start: an attempt that took its time was wait enough.
                let next = started + backoff.next();
                due = Some(due.map_or(next, |due| due.min(next)));
            }
        }
    }
}

enum Next {
    Dialled(Box<(Instant, Result<Dialled, Fault>)>),
    Around(Vec<IpAddr>),
    Happened,
    Due,
    Reroute(Reroute),
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
