//! Other subnets for a connection that is there: somebody asks, the state that it is in takes them up.

use hawser_fault::Fault;
use tokio::sync::oneshot;

use super::{Context, Host, Phase};
use crate::store::desired::Routing;

/// What somebody wants to have routed from now on, and waits for.
pub struct Reroute {
    /// Both lists.
    pub routing: Routing,
    /// What became of it.
    pub reply: oneshot::Sender<Result<(), Fault>>,
}

impl<H: Host> Context<H> {
    /// What the user wants to have routed.
    pub(super) fn routing(&self) -> Routing {
        self.routing.lock().clone()
    }

    /// The next time that somebody wants it otherwise and still waits for it.
    pub(super) async fn reroute(&self) -> Reroute {
        let mut reroutes = self.reroutes.lock().await;
        loop {
            match reroutes.recv().await {
                Some(reroute) if reroute.reply.is_closed() => {}
                Some(reroute) => return reroute,
                None => std::future::pending().await,
            }
        }
    }

    /// Keeps for good what is to be routed.
    pub(super) fn keep(&self, routing: Routing) -> Result<(), Fault> {
        self.host.keep_routing(&self.wish.id, routing.clone())?;
        *self.routing.lock() = routing;
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Waits for `work`, but no longer than until something else is to be routed: what is tried next is tried with that. `None` if
    /// the connection is to end.
    pub(super) async fn pause(&self, work: impl Future<Output = ()>) -> Option<()> {
        let reroute = self.unless_stopped(async {
            tokio::select! {
                () = work => None,
                reroute = self.reroute() => Some(reroute),
            }
        });
        if let Some(reroute) = reroute.await? {
            self.take_up_routing(reroute);
        }
        Some(())
    }

    /// Keeps what somebody wants to have routed, for what is tried next.
    pub(super) fn take_up_routing(&self, Reroute { routing, reply }: Reroute) {
        let kept = self.keep(routing);
        let has_failed = matches!(self.status.borrow().phase, Phase::Failed(_));
        if kept.is_ok() && has_failed {
            // It is tried now, and whoever asked is to see what comes of that.
            self.enter(Phase::Connecting);
        }
        let _ = reply.send(kept);
    }
}
