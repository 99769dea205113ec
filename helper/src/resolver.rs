//! The host's resolver, which all connections share.
//!
//! systemd-resolved is told of each connection's link. Where there is room for one answerer only (a `resolv.conf`, a record of
//! `resolvconf`), the connection that came first has it, and asks the others about theirs.

mod applied;
mod bus;
mod change;
mod command;
mod host;
mod proof;
mod share;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hawser_dns::backend::choice::{self, Facts};
use hawser_dns::backend::resolv_conf::servers;
use hawser_fault::{Code, Fault};
use tokio::sync::{Mutex, watch};

use crate::cli::Dns;
use crate::connection::Names;
use crate::limits;
use crate::store::desired::Id;
use crate::store::journal::Journal;

use applied::Applied;
pub use bus::Bus;
pub use change::undo_all;
pub use host::Places;
use share::Share;
pub use share::Upstreams;
#[cfg(test)]
pub use tests::PrivateBus;

/// What connections ask of the host's resolver, and what was made of it.
pub struct HostResolver {
    how: Dns,
    places: Places,
    journal: Journal,
    state: Mutex<State>,
    upstreams: watch::Sender<Upstreams>,
}

#[derive(Default)]
struct State {
    asked: Vec<(Id, Names)>,
    applied: Option<Applied>,
    /// When somebody else undid what we did.
    tramplings: VecDeque<Instant>,
}

impl HostResolver {
    /// The resolver at these places. Whatever `journal` holds was undone before.
    pub fn new(how: Dns, places: Places, journal: Journal) -> Arc<Self> {
        let text = std::fs::read_to_string(&places.resolv_conf).unwrap_or_default();
        let upstreams = watch::Sender::new(Upstreams::new(servers(&text), &[]));
        Arc::new(Self { how, places, journal, state: Mutex::default(), upstreams })
    }

    /// Adds a connection's name server, or changes it. `order` says whose plain names come first. What is begun is carried through
    /// even if nobody waits for it any more.
    ///
    /// # Errors
    /// `dns-unavailable`, `state-unwritable` or `limit-reached`.
    pub async fn point(self: &Arc<Self>, id: &Id, names: Names, order: &[Id]) -> Result<(), Fault> {
        let (resolver, id, order) = (Arc::clone(self), id.clone(), order.to_vec());
        carried_through(async move {
            let mut state = resolver.state.lock().await;
            state.asked.retain(|(other, _)| *other != id);
            state.asked.push((id, names));
            state.asked.sort_by_key(|(id, _)| order.iter().position(|other| other == id).unwrap_or(usize::MAX));
            state.tramplings.clear();
            resolver.sync(&mut state).await
        })
        .await
    }

    /// Removes a connection's name server if it has one here.
    ///
    /// # Errors
    /// As [`point`](Self::point).
    pub async fn withdraw(self: &Arc<Self>, id: &Id) -> Result<(), Fault> {
        let (resolver, id) = (Arc::clone(self), id.clone());
        carried_through(async move {
            let mut state = resolver.state.lock().await;
            state.asked.retain(|(other, _)| *other != id);
            resolver.sync(&mut state).await
        })
        .await
    }

    /// Something has changed on the host: puts back what somebody else undid, and follows the host's own name servers.
    pub async fn refresh(&self) {
        let mut state = self.state.lock().await;
        let shares = self.shares(&state);
        let now = Instant::now();
        state.tramplings.retain(|at| now.duration_since(*at) < limits::TRAMPLING_MEMORY);
        let trampled = state.applied.as_ref().is_some_and(|applied| !applied.stands(&shares, &self.places));
        if trampled {
            state.tramplings.push_back(now);
            tracing::info!(file = %self.places.resolv_conf.display(), "somebody else wrote the resolver's file; ours is put back");
        }
        if let Err(fault) = self.sync(&mut state).await {
            tracing::warn!(%fault, "the host's resolver cannot be told again");
        }
    }

    /// systemd-resolved has come, or come anew: it knows nothing of us.
    pub async fn renew(&self) {
        let mut state = self.state.lock().await;
        if let Some(applied) = state.applied.take()
            && let Err(fault) = applied.undo(&self.journal, &self.places).await
        {
            tracing::debug!(%fault, "what was told before is forgotten");
        }
        if let Err(fault) = self.sync(&mut state).await {
            tracing::warn!(%fault, "systemd-resolved cannot be told again");
        }
    }

    /// The name servers for what is not the cluster's, now and later.
    pub fn upstreams(&self) -> watch::Receiver<Upstreams> {
        self.upstreams.subscribe()
    }

    /// Whether the host's resolver asks whom we told it to ask, for the names of this connection.
    ///
    /// # Errors
    /// `dns-bypassed` with who has the resolver.
    pub async fn check(&self, id: &Id) -> Result<(), Fault> {
        let (share, applies) = {
            let state = self.state.lock().await;
            let shares = self.shares(&state);
            let applies = state.applied.as_ref().is_some_and(|applied| applied.stands(&shares, &self.places));
            (shares.into_iter().find(|share| share.id == *id), applies)
        };
        let Some(share) = share else { return Ok(()) };
        if !applies {
            return Err(self.bypassed(share.server, "it was told otherwise").await);
        }
        let Some(suffix) = share.suffix.filter(|_| self.places.is_systems()) else { return Ok(()) };
        let name = proof::fresh_name(&suffix);
        match proof::resolves(name.clone(), share.server).await {
            Ok(()) => Ok(()),
            Err(why) => Err(self.bypassed(share.server, &format!("{name}: {why}")).await),
        }
    }

    /// What was done, in a sentence.
    pub async fn describe(&self) -> String {
        match (self.how, &self.state.lock().await.applied) {
            (Dns::Off, _) => "names are left alone, as the helper was told with --dns off".to_owned(),
            (_, Some(applied)) => applied.describe(&self.places),
            (_, None) => "no connection has names".to_owned(),
        }
    }

    /// Where to look for changes by others.
    pub fn places(&self) -> &Places {
        &self.places
    }

    async fn bypassed(&self, server: IpAddr, why: &str) -> Fault {
        let file = self.places.resolv_conf.display();
        let detail = format!("this host's resolver does not ask {server}: {why}");
        let owner = choice::owner(&self.places.facts().await);
        let (detail, fix) = match owner {
            Some(owner) => (
                format!("{detail}; {file} is written by {owner}"),
                format!("Have {owner} leave {file} alone while connected, or start the helper with --dns off."),
            ),
            None => (
                detail,
                format!("Find what writes {file} (its first lines often say), then disconnect and connect again."),
            ),
        };
        Fault::new(Code::DnsBypassed, detail).with_fix(fix)
    }

    fn shares(&self, state: &State) -> Vec<Share> {
        if self.how == Dns::Off { Vec::new() } else { share::divide(&state.asked) }
    }

    /// Brings the host's resolver to what the connections ask for.
    async fn sync(&self, state: &mut State) -> Result<(), Fault> {
        let shares = self.shares(state);
        let done = self.bring(state, &shares).await;
        let plain = match &state.applied {
            Some(applied) => applied.upstreams(&self.places).await,
            None => servers(&std::fs::read_to_string(&self.places.resolv_conf).unwrap_or_default()),
        };
        let upstreams = Upstreams::new(plain, &shares);
        self.upstreams.send_if_modified(|present| {
            let changed = *present != upstreams;
            *present = upstreams;
            changed
        });
        done
    }

    async fn bring(&self, state: &mut State, shares: &[Share]) -> Result<(), Fault> {
        if let Some(mut applied) = state.applied.take() {
            let kept = !shares.is_empty()
                && (applied.stands(shares, &self.places) || applied.update(shares, &self.places).await?);
            if kept {
                state.applied = Some(applied);
            } else {
                applied.undo(&self.journal, &self.places).await?;
            }
        }
        let tired = state.tramplings.len() > limits::TRAMPLINGS;
        if state.applied.is_none() && !shares.is_empty() && !tired {
            let backend = self.backend(&self.places.facts().await);
            state.applied = Some(Applied::make(backend, shares, &self.journal, &self.places).await?);
        }
        Ok(())
    }

    fn backend(&self, facts: &Facts) -> choice::Backend {
        match self.how {
            Dns::Auto => choice::choose(facts),
            Dns::ResolvConf | Dns::Off => choice::Backend::File,
        }
    }
}

/// Work that is half done when its caller goes away would be half done for ever.
async fn carried_through(work: impl Future<Output = Result<(), Fault>> + Send + 'static) -> Result<(), Fault> {
    let failed = |error| Err(Fault::new(Code::Internal, format!("the host's resolver was not changed: {error}")));
    tokio::spawn(work).await.unwrap_or_else(failed)
}
