//! The link is up; routes and names lead to it.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use tokio::time::{Instant, sleep_until};

use super::joined::Dialled;
use super::replacing::{Attempt, another_base, direct_link, outcome};
use super::status::Trouble;
use super::{Context, DataPlane as _, Disconnecting, Host, Joined, Reconnecting, Reroute, Retry, State, Then};
use crate::limits;
use crate::plane::{PlaneEvent, Role};

/// A connection that carries traffic.
pub struct Connected {
    pub(super) joined: Joined,
}

impl Connected {
    pub(super) async fn next<H: Host>(self, context: &Context<H>) -> State {
        let mut joined = self.joined;
        context.host.settle(&context.wish);
        let mut base: Attempt<'_, _> = None;
        let mut direct: Attempt<'_, _> = Some(Box::pin(direct_link(context, joined.direct.clone(), Duration::ZERO)));
        let mut is_direct = false;
        let mut news = context.host.news();
        let mut looks = context.host.resolver_looks();
        let mut asking: Attempt<'_, Option<Fault>> = None;
        let mut look: Attempt<'_, Vec<IpAddr>> = None;
        let mut look_due = Instant::now() + limits::LOOK_AROUND;
        let mut login = pin!(context.host.stay_logged_in(&context.wish));
        loop {
            let next = async {
                tokio::select! {
                    event = joined.events.recv() => Next::Event(event),
                    dialled = outcome(&mut base) => Next::Base(Box::new(dialled)),
                    taken = outcome(&mut direct) => Next::Direct(taken),
                    Ok(()) = news.changed() => Next::Happened(news.borrow_and_update().clone()),
                    Ok(()) = looks.changed(), if asking.is_none() && joined.has_names => Next::Looked,
                    trouble = outcome(&mut asking) => Next::Asked(trouble),
                    () = sleep_until(look_due), if look.is_none() => Next::LookAround,
                    carriers = outcome(&mut look) => Next::Around(carriers),
                    reroute = context.reroute() => Next::Reroute(reroute),
                    never = &mut login => match never {},
                }
            };
            let applied = match context.unless_stopped(next).await {
                None => return State::Disconnecting(Disconnecting { joined, then: Then::Disconnected(None) }),
                Some(Next::Event(Some(PlaneEvent::Lost(cause)))) => {
                    return State::Reconnecting(Reconnecting { joined, cause });
                }
                Some(Next::Event(None)) => {
                    let cause = Fault::new(Code::Internal, "the data plane ended by itself");
                    return State::Disconnecting(Disconnecting { joined, then: Then::Failed(cause, Retry::Restore) });
                }
                Some(Next::Event(Some(PlaneEvent::Replace(role, cause)))) => {
                    tracing::info!(connection = context.wish.id.name, ?role, %cause, "a link is to be replaced");
                    let known = joined.direct.clone();
                    match role {
                        Role::Base => base = Some(Box::pin(another_base(context))),
                        Role::Direct => {
                            is_direct = false;
                            direct = Some(Box::pin(direct_link(context, known, limits::REDIAL_LONGEST)));
                        }
                    }
                    Ok(())
                }
                Some(Next::Happened(what)) => {
                    if let Some(plane) = &*context.plane.read().await {
                        plane.doubt(what).await;
                    }
                    look_due = Instant::now();
                    continue;
                }
                Some(Next::LookAround) => {
                    look_due = Instant::now() + limits::LOOK_AROUND;
                    look = Some(Box::pin(context.host.carriers(&context.wish)));
                    continue;
                }
                Some(Next::Around(carriers)) => {
                    joined.look_around(context, carriers).await;
                    continue;
                }
                Some(Next::Looked) => {
                    asking = Some(Box::pin(joined.ask_for_names(context)));
                    continue;
                }
                Some(Next::Asked(trouble)) => {
                    context.tell_of(Trouble::Names, trouble);
                    continue;
                }
                Some(Next::Reroute(Reroute { routing, reply })) => {
                    let _ = reply.send(joined.reroute(context, routing).await);
                    Ok(())
                }
                Some(Next::Direct(taken)) => {
                    is_direct = taken;
                    Ok(())
                }
                Some(Next::Base(dialled)) => {
                    // Another replica may be reached by other ways.
                    if !is_direct {
                        direct = Some(Box::pin(direct_link(context, dialled.direct.clone(), Duration::ZERO)));
                    }
                    joined.take_up(context, *dialled).await
                }
                Some(Next::Event(Some(PlaneEvent::Changed(cluster)))) => joined.apply(context, *cluster).await,
            };
            if let Err(cause) = applied {
                // The next link says the whole again.
                return State::Reconnecting(Reconnecting { joined, cause });
            }
            context.step("");
        }
    }
}

enum Next {
    Event(Option<PlaneEvent>),
    Base(Box<Dialled>),
    Direct(bool),
    Happened(String),
    Looked,
    Asked(Option<Fault>),
    LookAround,
    Around(Vec<IpAddr>),
    Reroute(Reroute),
}
