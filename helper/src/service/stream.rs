//! Calls that go on: each a task that ends when nobody listens any more.
//!
//! A slow listener gets the latest state, not every one: nothing is queued but one message.

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::companion_answer::Answer;
use hawser_ipc::proto::{
    Catalogue, CompanionAnswer, CompanionRequest, Connection, FlowList, InterceptState, Snapshot, WatchRequest,
};
use hawser_ipc::to_status;
use hawser_tunnel::proto as tunnel;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{hops, intercept, message};
use crate::connection::{self, Host};
use crate::connections::{Connections, Followed, View};
use crate::intercepts::{Intercepts, Objects, Phase, Standing};
use crate::kubernetes::{Clusters, Companions};
use crate::limits;
use crate::owners::Owners;
use crate::store::desired::Id;

/// A stream's share of the bound.
pub type Place = OwnedSemaphorePermit;

/// What a call goes on to say.
pub type Stream<T> = ReceiverStream<Result<T, Status>>;

/// Follows a connection until it is connected, failed or gone.
pub fn connecting<H: Host>(followed: Followed, connections: Arc<Connections<H>>, place: Place) -> Stream<Connection> {
    spawn(place, async move |sender| {
        let Followed { wish, mut status } = followed;
        loop {
            let now = status.borrow_and_update().clone();
            let counters = connections.view(&wish.id).map(|view| view.counters).unwrap_or_default();
            let last = match &now.phase {
                connection::Phase::Failed(cause) | connection::Phase::Disconnected(Some(cause)) => {
                    Some(Err(to_status(cause)))
                }
                connection::Phase::Connecting | connection::Phase::Disconnecting => None,
                _ => Some(Ok(())),
            };
            if let Some(Err(failure)) = last {
                let _ = sender.send(Err(failure)).await;
                return;
            }
            let view = View { wish: wish.clone(), status: now, counters };
            let sent = sender.send(Ok(message::connection(&view, wish.id.owner))).await;
            if sent.is_err() || last.is_some() {
                return;
            }
            tokio::select! {
                // The state that ended it was seen before the channel closed, unless the helper itself ends.
                changed = status.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    })
}

/// What somebody may work on, as the manager says it.
pub fn catalogues(
    mut catalogues: mpsc::Receiver<Result<tunnel::Catalogue, Fault>>,
    follow: bool,
    place: Place,
) -> Stream<Catalogue> {
    spawn(place, async move |sender| {
        loop {
            let news = tokio::select! {
                news = catalogues.recv() => news,
                () = sender.closed() => return,
            };
            let Some(news) = news else { return };
            let last = news.is_err() || !follow;
            let news = news.map(message::catalogue).map_err(|fault| to_status(&fault));
            if sender.send(news).await.is_err() || last {
                return;
            }
        }
    })
}

/// What the helper asks of a companion, for as long as that is there.
pub fn companion<O: Objects>(
    companions: Arc<Companions>,
    intercepts: Arc<Intercepts<O>>,
    owner: u32,
    mut answers: Streaming<CompanionAnswer>,
    place: Place,
) -> Stream<CompanionRequest> {
    let mut requests = companions.arrive(owner);
    intercepts.forget_mounts(owner);
    spawn(place, async move |sender| {
        let replaced = loop {
            tokio::select! {
                request = requests.recv() => match request {
                    None => break true,
                    Some(request) => if sender.send(Ok(request)).await.is_err() { break false },
                },
                answer = answers.message() => match answer {
                    Ok(Some(CompanionAnswer { answer: Some(Answer::Mount(report)), .. })) => {
                        let (connection, name, mounted) = intercept::mounted(report);
                        intercepts.report(Id { owner, name: connection }, name, mounted);
                    }
                    Ok(Some(answer)) => companions.answer(owner, answer),
                    Ok(None) | Err(_) => break false,
                },
                () = sender.closed() => break false,
            }
        };
        if replaced {
            // What is mounted now is the other one's.
            let _ = sender.send(Err(Status::aborted("another companion took its place"))).await;
        } else {
            intercepts.forget_mounts(owner);
        }
    })
}

/// Follows an intercept until it is in force, or ends with why it can't be.
pub fn intercepting<O: Objects>(
    intercepts: Arc<Intercepts<O>>,
    connection: Id,
    name: String,
    mut standing: watch::Receiver<Standing>,
    place: Place,
) -> Stream<InterceptState> {
    spawn(place, async move |sender| {
        let mut changes = intercepts.changes();
        loop {
            let now = standing.borrow_and_update().clone();
            if now.phase == Phase::Ended {
                let cause = now.cause.unwrap_or_else(|| left_meanwhile(&name));
                let _ = sender.send(Err(to_status(&cause))).await;
                return;
            }
            let in_force = matches!(now.phase, Phase::Active | Phase::Waiting);
            if in_force {
                let told = |_: &u64| {
                    intercepts.view(&connection, &name).is_none_or(|view| view.pods.iter().any(|pod| pod.applied))
                };
                // It is in force without that news.
                let _ = timeout(limits::POD_NEWS, changes.wait_for(told)).await;
            }
            let Some(view) = intercepts.view(&connection, &name) else {
                let _ = sender.send(Err(to_status(&left_meanwhile(&name)))).await;
                return;
            };
            if view.standing.phase == Phase::Ended {
                continue;
            }
            if sender.send(Ok(intercept::state(&view))).await.is_err() || in_force {
                return;
            }
            tokio::select! {
                changed = standing.changed() => if changed.is_err() {
                    // It was left, or the helper ends.
                    let _ = sender.send(Err(to_status(&left_meanwhile(&name)))).await;
                    return;
                },
                () = sender.closed() => return,
            }
        }
    })
}

fn left_meanwhile(name: &str) -> Fault {
    Fault::new(Code::InterceptEnded, format!("the intercept {name} was left meanwhile"))
}

/// The present snapshot, then one at each change.
pub fn snapshots<H: Host, O: Objects>(
    connections: Arc<Connections<H>>,
    intercepts: Arc<Intercepts<O>>,
    clusters: Arc<Clusters>,
    caller: u32,
    WatchRequest { follow, hops }: WatchRequest,
    place: Place,
) -> Stream<Snapshot> {
    spawn(place, async move |sender| {
        let mut changes = connections.changes();
        let mut of_intercepts = intercepts.changes();
        let measured = (follow && hops).then(|| hops::measure(Arc::clone(&connections), Arc::clone(&clusters), caller));
        let mut last = None;
        loop {
            changes.mark_unchanged();
            of_intercepts.mark_unchanged();
            let login_expires = |id: &Id| clusters.login_expires(id);
            let views = connections.views();
            let mut snapshot = message::snapshot(&views, |id| intercepts.views(id), login_expires, caller);
            if let Some(measured) = &measured {
                let measured = measured.borrow();
                for (view, seen) in views.iter().zip(&mut snapshot.connections) {
                    let far = measured.get(&view.wish.id);
                    seen.hops = far.map(|far| far.hops(view.counters.round_trip_us)).unwrap_or_default();
                }
            }
            if last.as_ref() != Some(&snapshot) {
                if sender.send(Ok(snapshot.clone())).await.is_err() {
                    return;
                }
                last = Some(snapshot);
            }
            if !follow {
                return;
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = of_intercepts.changed() => {}
                // Totals move without a change of state.
                () = sleep(limits::REFRESH) => {}
                () = sender.closed() => return,
            }
        }
    })
}

/// The present flows, then once a second.
pub fn flows<H: Host>(connections: Arc<Connections<H>>, caller: u32, follow: bool, place: Place) -> Stream<FlowList> {
    spawn(place, async move |sender| {
        loop {
            let list = match list_flows(&connections, caller).await {
                Ok(list) => list,
                Err(fault) => {
                    let _ = sender.send(Err(to_status(&fault))).await;
                    return;
                }
            };
            if sender.send(Ok(list)).await.is_err() || !follow {
                return;
            }
            tokio::select! {
                () = sleep(limits::REFRESH) => {}
                () = sender.closed() => return,
            }
        }
    })
}

async fn list_flows<H: Host>(connections: &Connections<H>, caller: u32) -> Result<FlowList, Fault> {
    let mut flows = connections.flows(caller).await;
    flows.truncate(limits::FLOWS_LISTED);
    let build = move || {
        let owners = if flows.is_empty() { Ok(Owners::default()) } else { Owners::read() };
        let owners = owners.unwrap_or_else(|error| {
            tracing::warn!(%error, "the owners of sockets cannot be read");
            Owners::default()
        });
        flows.iter().map(|(connection, flow)| message::flow(connection, flow, &owners)).collect()
    };
    let flows = tokio::task::spawn_blocking(build)
        .await
        .map_err(|error| Fault::new(Code::Internal, format!("the listing of flows ended early: {error}")))?;
    Ok(FlowList { flows })
}

/// A task that ends when nobody listens any more, behind a queue of one message.
pub fn spawn<T, F>(place: Place, produce: impl FnOnce(mpsc::Sender<Result<T, Status>>) -> F) -> Stream<T>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    let work = produce(sender);
    tokio::spawn(async move {
        work.await;
        drop(place);
    });
    ReceiverStream::new(receiver)
}
