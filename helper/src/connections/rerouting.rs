//! Other subnets over a connection that is there.

use hawser_fault::{Code, Fault};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Connections, Entry, View, rights};
use crate::connection::{Host, Reroute};
use crate::limits;
use crate::store::desired::{Routing, Wish};

impl<H: Host> Connections<H> {
    /// Routes other subnets of the user's choice over a connection that is there, for good. Its flows, intercepts and session go on; a
    /// flow to what is not routed any more ends when one of its sides gives up. Without a link it is taken up by the next one.
    ///
    /// # Errors
    /// `not-connected`, `not-owner`, `bad-argument`, `subnet-invalid`, `subnet-conflict`, `limit-reached`, `network-change`,
    /// `state-unwritable`; `link-silent` if the connection dials for too long. Then nothing has changed.
    pub async fn reroute(&self, caller: u32, name: &str, routing: Routing) -> Result<View, Fault> {
        rights::check_routing(&routing)?;
        let id = self.own(caller, name)?.wish.id;
        let ended = || Fault::new(Code::NotConnected, format!("the connection {} has just ended", id.name));
        let (reply, answer) = oneshot::channel();
        {
            let entries = self.entries.lock();
            let entry = entries.by_id.get(&id).ok_or_else(ended)?;
            if !self.desired.lock().wishes().iter().any(|wish| wish.id == id) {
                let detail = format!("the connection {} is not wanted any more", id.name);
                return Err(Fault::new(Code::NotConnected, detail).with_fix("Connect again with these subnets."));
            }
            entry.reroutes.try_send(Reroute { routing, reply }).map_err(|error| match error {
                TrySendError::Closed(_) => ended(),
                TrySendError::Full(_) => {
                    let detail = format!("{} other lists already wait for {}", limits::REROUTES, id.name);
                    Fault::new(Code::LimitReached, detail)
                }
            })?;
        }
        match timeout(limits::REROUTE, answer).await {
            Ok(Ok(outcome)) => outcome?,
            Ok(Err(_)) => return Err(ended()),
            Err(_) => {
                let detail = format!("the connection {} is still being dialled", id.name);
                return Err(Fault::new(Code::LinkSilent, detail).with_fix("Try again when it is there."));
            }
        }
        self.view(&id).ok_or_else(ended)
    }

    /// What this wish wants otherwise of a connection that is there.
    pub(super) fn other_routing(&self, wish: &Wish) -> Result<Option<Routing>, Fault> {
        let entries = self.entries.lock();
        let present = entries.by_id.get(&wish.id).map(Entry::wish);
        present.map_or(Ok(None), |present| rights::same_target(&present, wish))
    }
}
