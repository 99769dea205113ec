//! Every connection of every user: who may have, see and end which.

mod rerouting;
mod rights;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_tunnel::proto::{Catalogue, CheckReply, Distance, PreviewReply, Trial};
use parking_lot::Mutex;
use tokio::sync::{RwLock, mpsc, watch};
use tokio::time::timeout;

use crate::connection::{
    self, Connecting, Context, DataPlane as _, Host, Origin, Phase, PlaneSlot, Reroute, Status, Stop, Stopper,
};
use crate::plane::{Counters, Cursor, FlowRecord, QueryNews};
use crate::store::desired::{Desired, Id, Routing, Target, Wish};
use crate::{address, limits};

pub use rights::may_see;

/// The connections of a helper, and the wishes that they come from.
pub struct Connections<H: Host> {
    host: Arc<H>,
    desired: Arc<Mutex<Desired>>,
    entries: Mutex<Entries<H>>,
    changes: watch::Sender<u64>,
}

struct Entries<H: Host> {
    by_id: BTreeMap<Id, Entry<H>>,
    /// Set when the helper stops: nothing new begins.
    closed: bool,
}

struct Entry<H: Host> {
    wish: Wish,
    /// What of the wish can change.
    routing: Arc<Mutex<Routing>>,
    reroutes: mpsc::Sender<Reroute>,
    status: watch::Receiver<Status>,
    plane: PlaneSlot<H::Plane>,
    stopper: Stopper,
}

/// One connection as it is shown.
#[derive(Clone, Debug)]
pub struct View {
    /// What was asked for.
    pub wish: Wish,
    /// Where it stands.
    pub status: Status,
    /// Totals; zero while there is no data plane.
    pub counters: Counters,
}

/// A connection that was asked for, to be followed.
pub struct Followed {
    /// What was asked for.
    pub wish: Wish,
    /// Where it stands, from now on.
    pub status: watch::Receiver<Status>,
}

impl<H: Host> Connections<H> {
    /// No connection yet; `desired` is shared with `host`, which forgets what failed to be.
    pub fn new(host: Arc<H>, desired: Arc<Mutex<Desired>>) -> Arc<Self> {
        let entries = Mutex::new(Entries { by_id: BTreeMap::new(), closed: false });
        Arc::new(Self { host, desired, entries, changes: watch::Sender::new(0) })
    }

    /// Brings back every connection that is wanted.
    pub fn restore(self: &Arc<Self>) {
        let wishes = self.desired.lock().wishes().to_vec();
        for wish in wishes {
            match rights::check_target(&wish.target) {
                Ok(()) => {
                    self.start(&mut self.entries.lock(), wish, Origin::Restored);
                }
                Err(fault) => tracing::warn!(connection = wish.id.name, %fault, "a kept connection cannot be used"),
            }
        }
    }

    /// Makes a connection unless it is there. The same target again changes nothing but what the user wants to have routed, if they
    /// say anything of that.
    ///
    /// # Errors
    /// `bad-argument`, `key-malformed`, `already-connected`, `limit-reached`, `subnet-conflict` if no addresses are left
    /// for it, `state-unwritable`; those of [`reroute`](Connections::reroute). Then nothing has changed.
    pub async fn connect(self: &Arc<Self>, id: Id, target: Target) -> Result<Followed, Fault> {
        rights::check_name(&id.name)?;
        rights::check_target(&target)?;
        let wish = Wish { id, target, index: 0 };
        let routed = self.host.routed().await?;
        self.let_go(&wish).await?;

        if let Some(routing) = self.other_routing(&wish)? {
            self.reroute(wish.id.owner, &wish.id.name, routing).await?;
        }
        let mut entries = self.entries.lock();
        if let Some(present) = entries.by_id.get(&wish.id) {
            return rights::same_target(&present.wish(), &wish).map(|_| present.follow());
        }
        if entries.closed {
            return Err(Fault::new(Code::HelperUnreachable, "the helper is stopping"));
        }
        if entries.by_id.len() >= limits::CONNECTIONS {
            let detail = format!("there are {} connections on this laptop already", entries.by_id.len());
            return Err(Fault::new(Code::LimitReached, detail));
        }
        let held: Vec<u16> = entries.by_id.values().map(|entry| entry.wish.index).collect();
        let Some(index) = address::choose(&held, &routed) else {
            let detail = "every part of 198.18.0.0/15 and fd68:6177:7365::/48 is routed elsewhere on this host";
            return Err(Fault::new(Code::SubnetConflict, detail));
        };
        let wish = Wish { index, ..wish };
        self.desired.lock().add(wish.clone())?;
        Ok(self.start(&mut entries, wish, Origin::Asked))
    }

    /// Ends a connection and returns when nothing of it is left. An empty name means the caller's only one.
    ///
    /// # Errors
    /// `not-connected`, `not-owner`, `bad-argument` if the name is ambiguous, `state-unwritable`. Then nothing has
    /// changed.
    pub async fn disconnect(&self, caller: u32, name: &str) -> Result<(), Fault> {
        let id = {
            let entries = self.entries.lock();
            let id = rights::choose(caller, name, entries.by_id.keys())?.clone();
            self.desired.lock().remove(&id)?;
            if let Some(entry) = entries.by_id.get(&id) {
                entry.stopper.stop();
            }
            id
        };
        self.wait_gone(&id).await
    }

    /// Ends every connection and keeps every wish.
    pub async fn close(&self) {
        let ids: Vec<Id> = {
            let mut entries = self.entries.lock();
            entries.closed = true;
            entries.by_id.values().for_each(|entry| entry.stopper.stop());
            entries.by_id.keys().cloned().collect()
        };
        for id in ids {
            if let Err(fault) = self.wait_gone(&id).await {
                tracing::warn!(%fault, "a connection did not end in time");
            }
        }
    }

    /// Fires at each change of any connection.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Every connection, by owner and name.
    pub fn views(&self) -> Vec<View> {
        self.entries.lock().by_id.values().map(Entry::view).collect()
    }

    /// One connection.
    pub fn view(&self, id: &Id) -> Option<View> {
        self.entries.lock().by_id.get(id).map(Entry::view)
    }

    /// The connection of the caller's that is meant by `name`; an empty name means their only one. Nobody else's is given, be the
    /// caller root.
    ///
    /// # Errors
    /// `not-connected`, `not-owner`, `bad-argument` if the name is ambiguous.
    pub fn own(&self, caller: u32, name: &str) -> Result<View, Fault> {
        let entries = self.entries.lock();
        let own = entries.by_id.keys().filter(|id| id.owner == caller || !name.is_empty());
        let id = rights::choose(caller, name, own)?;
        if id.owner != caller {
            return Err(Fault::new(Code::NotOwner, format!("the connection {name} belongs to the user {}", id.owner)));
        }
        entries.by_id.get(id).map(Entry::view).ok_or_else(|| Fault::new(Code::NotConnected, "it has just ended"))
    }

    /// The flows of every connection that `caller` may see, each with its connection's name.
    pub async fn flows(&self, caller: u32) -> Vec<(String, FlowRecord)> {
        let mut flows = Vec::new();
        for (id, plane) in self.planes(|owner| may_see(caller, owner)) {
            if let Some(plane) = &*plane.read().await {
                flows.extend(plane.flows().await.into_iter().map(|flow| (id.name.clone(), flow)));
            }
        }
        flows
    }

    /// A connection whose data plane does not answer in time, or cannot be looked at; `None` if each does.
    pub async fn silent(&self) -> Option<Id> {
        let asked = self.planes(|_| true).into_iter().map(async |(id, plane)| {
            let answer = async {
                if let Some(plane) = &*plane.read().await {
                    plane.answers().await;
                }
            };
            timeout(limits::PLANE_ANSWER, answer).await.is_err().then_some(id)
        });
        futures_util::future::join_all(asked).await.into_iter().flatten().next()
    }

    /// Of every connection whose owner is `wanted`.
    fn planes(&self, wanted: impl Fn(u32) -> bool) -> Vec<(Id, PlaneSlot<H::Plane>)> {
        let entries = self.entries.lock();
        let meant = entries.by_id.iter().filter(|(id, _)| wanted(id.owner));
        meant.map(|(id, entry)| (id.clone(), Arc::clone(&entry.plane))).collect()
    }

    /// The questions for names over every connection that `caller` may see since the last time, each with its connection's name.
    pub async fn queries(&self, caller: u32, cursors: &mut HashMap<Id, Cursor>) -> Vec<(String, QueryNews)> {
        let planes = self.planes(|owner| may_see(caller, owner));
        cursors.retain(|known, _| planes.iter().any(|(id, _)| id == known));
        let mut told = Vec::new();
        for (id, plane) in planes {
            if let Some(plane) = &*plane.read().await {
                let cursor = cursors.entry(id.clone()).or_default();
                let news = plane.queries(*cursor).await;
                *cursor = news.cursor;
                told.push((id.name, news));
            }
        }
        told
    }

    /// What the caller may work on in a connection's cluster. An empty name means the caller's only connection.
    ///
    /// # Errors
    /// `not-connected`, `not-owner`, `bad-argument` if the name is ambiguous, `link-lost` while there is no data plane.
    pub async fn browse(
        &self,
        caller: u32,
        name: &str,
        namespaces: Vec<String>,
    ) -> Result<mpsc::Receiver<Result<Catalogue, Fault>>, Fault> {
        let plane = {
            let entries = self.entries.lock();
            let id = rights::choose(caller, name, entries.by_id.keys())?;
            entries.by_id.get(id).map(|entry| Arc::clone(&entry.plane))
        };
        let gone = || Fault::new(Code::LinkLost, "the connection is not up");
        let plane = plane.ok_or_else(gone)?;
        let plane = plane.read().await;
        Ok(plane.as_ref().ok_or_else(gone)?.browse(namespaces).await)
    }

    /// Whether new pods of this namespace can get an agent.
    ///
    /// # Errors
    /// As [`prove`](Connections::prove).
    pub async fn check(&self, id: &Id, namespace: String) -> Result<CheckReply, Fault> {
        let what = "whether pods can get an agent";
        self.ask_manager(id, what, async |plane| plane.check(namespace).await).await
    }

    /// What an intercept with this spec (JSON) would change in this namespace.
    ///
    /// # Errors
    /// As [`prove`](Connections::prove).
    pub async fn preview(&self, id: &Id, namespace: String, spec: String) -> Result<PreviewReply, Fault> {
        let what = "what the intercept would change";
        self.ask_manager(id, what, async |plane| plane.preview(namespace, spec).await).await
    }

    /// What the manager finds of the ways to the pods of an intercept with this uid.
    ///
    /// # Errors
    /// `link-lost` while there is no data plane; why the manager does not say it.
    pub async fn prove(&self, id: &Id, uid: String) -> Result<Vec<Trial>, Fault> {
        self.ask_manager(id, "what reaches this laptop", async |plane| plane.prove(uid).await).await
    }

    /// How far the agents of its intercepts are from the manager.
    ///
    /// # Errors
    /// As [`prove`](Connections::prove).
    pub async fn distances(&self, id: &Id) -> Result<Vec<Distance>, Fault> {
        self.ask_manager(id, "how far its agents are", async |plane| plane.distances().await).await
    }

    async fn ask_manager<T>(
        &self,
        id: &Id,
        what: &str,
        ask: impl AsyncFnOnce(&H::Plane) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let plane = self.entries.lock().by_id.get(id).map(|entry| Arc::clone(&entry.plane));
        let gone = || Fault::new(Code::LinkLost, "the connection is not up");
        let plane = plane.ok_or_else(gone)?;
        let plane = plane.read().await;
        let asking = ask(plane.as_ref().ok_or_else(gone)?);
        let late = || Fault::new(Code::LinkSilent, format!("the manager does not say in time {what}"));
        timeout(limits::PROOF, asking).await.unwrap_or_else(|_| Err(late()))
    }

    fn start(self: &Arc<Self>, entries: &mut Entries<H>, wish: Wish, origin: Origin) -> Followed {
        let (stopper, stop) = Stop::pair();
        let (status_sender, status) = watch::channel(Status::new());
        let plane = PlaneSlot::<H::Plane>::new(RwLock::new(None));
        let routing = Arc::new(Mutex::new(wish.target.routing()));
        let (reroutes, asked) = mpsc::channel(limits::REROUTES);
        let context = Context {
            wish: wish.clone(),
            routing: Arc::clone(&routing),
            reroutes: tokio::sync::Mutex::new(asked),
            host: Arc::clone(&self.host),
            plane: Arc::clone(&plane),
            stop,
            status: status_sender,
            changes: self.changes.clone(),
        };
        let entry = Entry { wish, routing, reroutes, status, plane, stopper };
        let followed = entry.follow();
        let id = entry.wish.id.clone();
        entries.by_id.insert(id.clone(), entry);
        let connections = Arc::clone(self);
        tokio::spawn(async move {
            connection::run(Connecting { origin }, context).await;
            connections.entries.lock().by_id.remove(&id);
            connections.changes.send_modify(|count| *count += 1);
        });
        followed
    }

    /// Makes room for a new wish of the same id: waits for one that is ending, ends one that only shows its failure.
    async fn let_go(&self, wish: &Wish) -> Result<(), Fault> {
        let leaving = {
            let entries = self.entries.lock();
            entries.by_id.get(&wish.id).is_some_and(|entry| {
                let phase = entry.status.borrow().phase.clone();
                let wanted = self.desired.lock().wishes().iter().any(|other| other.id == wish.id);
                if !wanted && matches!(phase, Phase::Failed(_)) {
                    entry.stopper.stop();
                }
                !wanted
            })
        };
        if leaving { self.wait_gone(&wish.id).await } else { Ok(()) }
    }

    async fn wait_gone(&self, id: &Id) -> Result<(), Fault> {
        let mut changes = self.changes.subscribe();
        let gone = changes.wait_for(|_| !self.entries.lock().by_id.contains_key(id));
        match timeout(2 * limits::FAREWELL, gone).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Fault::new(Code::Internal, format!("the connection {} does not end", id.name))),
        }
    }
}

impl<H: Host> Entry<H> {
    /// As it is by now.
    fn wish(&self) -> Wish {
        let target = self.wish.target.clone().routed(self.routing.lock().clone());
        Wish { target, ..self.wish.clone() }
    }

    fn follow(&self) -> Followed {
        Followed { wish: self.wish(), status: self.status.clone() }
    }

    fn view(&self) -> View {
        let plane = self.plane.try_read().ok();
        let counters = plane.as_ref().and_then(|plane| plane.as_ref()).map(|plane| plane.counters());
        View { wish: self.wish(), status: self.status.borrow().clone(), counters: counters.unwrap_or_default() }
    }
}
