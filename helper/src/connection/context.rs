//! What a connection carries from state to state.

use std::mem::discriminant;
use std::sync::Arc;
use std::time::SystemTime;

use hawser_fault::Fault;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::status::{Device, Phase, Status, Trouble};
use super::{Host, PlaneSlot, Reroute};
use crate::placement::{Disposition, Placement};
use crate::plane::ClusterInfo;
use crate::store::desired::{Routing, Wish};

/// The same in every state of one connection.
pub struct Context<H: Host> {
    /// What was asked for. What it routes may be another by now.
    pub wish: Wish,
    /// What the user wants to have routed.
    pub routing: Arc<Mutex<Routing>>,
    /// What is wanted otherwise.
    pub reroutes: tokio::sync::Mutex<mpsc::Receiver<Reroute>>,
    /// The machine.
    pub host: Arc<H>,
    /// Where the data plane is while there is one.
    pub plane: PlaneSlot<H::Plane>,
    /// Whether to end.
    pub stop: Stop,
    /// Where the state is published.
    pub status: watch::Sender<Status>,
    /// Counts every change of every connection, for those who watch them all.
    pub changes: watch::Sender<u64>,
}

impl<H: Host> Context<H> {
    /// Publishes that a state was entered.
    pub(super) fn enter(&self, phase: Phase) {
        tracing::info!(connection = self.wish.id.name, owner = self.wish.id.owner, state = %phase.in_words(), "state");
        self.publish(|status| {
            // Failing again is not a new failure.
            if discriminant(&status.phase) != discriminant(&phase) {
                status.since = SystemTime::now();
            }
            status.phase = phase;
            status.step.clear();
        });
    }

    /// Publishes what the present state waits for.
    pub(super) fn step(&self, words: impl Into<String>) {
        let words = words.into();
        tracing::debug!(connection = self.wish.id.name, step = words, "step");
        self.publish(|status| status.step = words);
    }

    /// Publishes the device, or that it is gone.
    pub(super) fn set_device(&self, device: Option<Device>) {
        self.publish(|status| status.device = device);
    }

    /// Publishes what is routed.
    pub(super) fn set_cluster(&self, cluster: ClusterInfo) {
        self.publish(|status| status.cluster = Some(cluster));
    }

    /// Publishes where every subnet leads.
    pub(super) fn set_placements(&self, placements: Vec<Placement>) {
        self.publish(|status| status.placements = placements);
    }

    /// Publishes that nothing is routed. What was in the way stays to be seen.
    pub(super) fn unset_cluster(&self) {
        self.publish(|status| {
            status.cluster = None;
            status.placements.retain(|placement| placement.disposition == Disposition::Conflict);
        });
    }

    /// Publishes what keeps a part of the connection from working, or that nothing does any more.
    pub(super) fn set_trouble(&self, what: Trouble, cause: Option<Fault>) {
        self.publish(|status| match cause {
            Some(cause) => drop(status.troubles.insert(what, cause)),
            None => drop(status.troubles.remove(&what)),
        });
    }

    /// The same, and notes it down if it is news.
    pub(super) fn tell_of(&self, what: Trouble, cause: Option<Fault>) {
        let known = self.status.borrow().troubles.get(&what).cloned();
        if cause != known {
            let connection = &self.wish.id.name;
            match (what, &cause) {
                (Trouble::Routes, Some(fault)) => {
                    tracing::warn!(connection, %fault, "something stands in the way of the routes");
                }
                (Trouble::Routes, None) => {}
                (Trouble::Names, Some(fault)) => {
                    tracing::warn!(connection, %fault, "names of the cluster do not resolve")
                }
                (Trouble::Names, None) => tracing::info!(connection, "names resolve again"),
            }
        }
        self.set_trouble(what, cause);
    }

    /// Does `work` unless the connection is to end; then it is dropped where it stands.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.wait() => None,
            done = work => Some(done),
        }
    }

    fn publish(&self, change: impl FnOnce(&mut Status)) {
        let changed = self.status.send_if_modified(|status| {
            let former = status.clone();
            change(status);
            *status != former
        });
        if changed {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

impl Phase {
    /// For the log.
    fn in_words(&self) -> String {
        match self {
            Phase::Disconnected(None) => "disconnected".to_owned(),
            Phase::Disconnected(Some(cause)) => format!("disconnected: {cause}"),
            Phase::Connecting => "connecting".to_owned(),
            Phase::Connected => "connected".to_owned(),
            Phase::Reconnecting(cause) => format!("reconnecting: {cause}"),
            Phase::NeedsLogin(cause) => format!("needs a login: {cause}"),
            Phase::Failed(cause) => format!("failed: {cause}"),
            Phase::Disconnecting => "disconnecting".to_owned(),
        }
    }
}

/// Says when a connection is to end.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Ends a connection; dropping it does too.
pub struct Stopper(watch::Sender<bool>);

impl Stop {
    /// A signal and what gives it.
    pub fn pair() -> (Stopper, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Stop(receiver))
    }

    async fn wait(&self) {
        // An error means that the sender is gone, and with it whoever could want the connection.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }
}

impl Stopper {
    /// Gives the signal.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}
