//! The host's resolver, which all connections share.
//!
//! systemd-resolved is told of each connection's link. Where there is room for one answerer only (a `resolv.conf`, a record of
//! `resolvconf`), the connection that came first has it, and asks the others about theirs.

mod applied;
mod bus;
mod change;
mod check;
mod command;
mod host;
mod proof;
mod share;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
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
    /// Counts how often it was looked at.
    looks: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    asked: Vec<(Id, Names)>,
    applied: Option<Applied>,
    /// Why that is not as the connections ask for.
    failed: Option<Fault>,
    /// When somebody else undid what we did.
    tramplings: VecDeque<Instant>,
}

impl State {
    /// Notes that somebody else has undone what we did.
    fn trampled(&mut self) {
        self.tramplings.push_back(Instant::now());
        if self.is_tired() {
            tracing::warn!(
                "somebody else undoes again and again what the host's resolver is told; it is left so for now"
            );
        } else {
            tracing::info!("somebody else has undone what the host's resolver was told; it is told again");
        }
    }

    /// Whether that was too often lately for it to be done again.
    fn is_tired(&mut self) -> bool {
        let now = Instant::now();
        self.tramplings.retain(|at| now.duration_since(*at) < limits::TRAMPLING_MEMORY);
        self.tramplings.len() > limits::TRAMPLINGS
    }
}

impl HostResolver {
    /// The resolver at these places. Whatever `journal` holds was undone before.
    pub fn new(how: Dns, places: Places, journal: Journal) -> Arc<Self> {
        let text = std::fs::read_to_string(&places.resolv_conf).unwrap_or_default();
        let upstreams = watch::Sender::new(Upstreams::new(servers(&text), &[]));
        Arc::new(Self { how, places, journal, state: Mutex::default(), upstreams, looks: watch::Sender::default() })
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

    /// Something may have changed on the host: puts back what somebody else undid, in another way if the host resolves names in
    /// another way now, and follows the host's own name servers.
    pub async fn refresh(&self) {
        if let Err(fault) = self.sync(&mut *self.state.lock().await).await {
            tracing::warn!(%fault, "the host's resolver cannot be told again");
        }
    }

    /// Counts how often it was looked whether all is as it should be. Who hears of a look can [`check`](Self::check) what came of it.
    pub fn looks(&self) -> watch::Receiver<u64> {
        self.looks.subscribe()
    }

    /// The name servers for what is not the cluster's, now and later.
    pub fn upstreams(&self) -> watch::Receiver<Upstreams> {
        self.upstreams.subscribe()
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

    fn shares(&self, state: &State) -> Vec<Share> {
        if self.how == Dns::Off { Vec::new() } else { share::divide(&state.asked) }
    }

    /// Brings the host's resolver to what the connections ask for.
    async fn sync(&self, state: &mut State) -> Result<(), Fault> {
        let shares = self.shares(state);
        let done = self.bring(state, &shares).await;
        state.failed = done.as_ref().err().cloned();
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
        self.looks.send_modify(|count| *count += 1);
        done
    }

    async fn bring(&self, state: &mut State, shares: &[Share]) -> Result<(), Fault> {
        let backend = if shares.is_empty() { None } else { Some(self.backend(&self.places.facts().await)) };
        if let Some(mut applied) = state.applied.take() {
            let fits = backend == Some(applied.backend());
            let stands = fits && applied.stands(&self.places).await;
            if fits && !stands {
                state.trampled();
            }
            let is_kept = stands && applied.is_for(shares)
                || fits && !state.is_tired() && applied.update(shares, &self.places).await?;
            if is_kept {
                state.applied = Some(applied);
            } else {
                applied.undo(&self.journal, &self.places).await?;
            }
        }
        if !matches!(state.applied, Some(Applied::File { .. })) {
            change::undo_orphan(&self.places)?;
        }
        if let Some(backend) = backend.filter(|_| state.applied.is_none() && !state.is_tired()) {
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
