//! Requests for intercepts that have a filter, as the agents count them.
//!
//! Nothing is added up here: a replica knows of the agents that are linked to it and no others, and forgets all when it ends. Each
//! laptop is told what each agent has counted since that started, and adds up what it hears of all replicas.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream;
use hawser_tunnel::identity::Pin;
use hawser_tunnel::proto::{AgentReport, AgentRequests, RequestCounts, RequestList, Requested};
use hawser_tunnel::server::RequestLists;
use tokio::time::sleep;

use super::{Agent, Carried, Exchange, Pod, State};
use crate::limits;

/// What an agent has counted.
#[derive(Default, PartialEq)]
pub struct Counted {
    run: u64,
    /// By the intercept's uid.
    counts: HashMap<String, RequestCounts>,
}

impl Counted {
    /// What a report of this pod's agent says of intercepts that it takes part in.
    pub fn reported(report: &AgentReport, pod: &Pod, carried: &HashMap<u32, Carried>) -> Self {
        let takes_part = |uid: &str| carried.values().any(|carried| carried.uid == uid && carried.is_of(pod));
        let counts = report.requests.iter().filter(|requests| takes_part(&requests.intercept));
        let counts = counts.filter_map(|requests| Some((requests.intercept.clone(), requests.counts?)));
        Self { run: report.run, counts: counts.collect() }
    }
}

impl Exchange {
    /// What is known of a laptop's intercepts, then at each change, which are gathered for [`limits::GATHER_COUNTS`].
    pub fn requests_of(self: &Arc<Self>, laptop: Pin) -> RequestLists {
        let state = (self.clone(), self.counts.subscribe(), self.changes(), None::<RequestList>);
        Box::pin(stream::unfold(state, move |(exchange, mut counts, mut changes, told)| async move {
            loop {
                counts.mark_unchanged();
                changes.mark_unchanged();
                let list = exchange.state.lock().requests_of(laptop);
                if told.as_ref() != Some(&list) {
                    return Some((list.clone(), (exchange, counts, changes, Some(list))));
                }
                tokio::select! {
                    changed = counts.changed() => changed.ok()?,
                    changed = changes.changed() => changed.ok()?,
                }
                sleep(limits::GATHER_COUNTS).await;
            }
        }))
    }
}

impl State {
    fn requests_of(&self, laptop: Pin) -> RequestList {
        let filtering = self.carried.values().filter(|carried| carried.laptop == laptop && carried.http.is_some());
        let mut intercepts: Vec<Requested> = filtering.map(|carried| self.requested(carried)).collect();
        intercepts.sort_by(|one, other| one.uid.cmp(&other.uid));
        RequestList { intercepts }
    }

    fn requested(&self, carried: &Carried) -> Requested {
        let mut requested = Requested { uid: carried.uid.clone(), ..Requested::default() };
        for agent in self.agents.values().filter(|agent| carried.is_of(&agent.pod)) {
            let Agent { counted, applied, .. } = agent;
            match counted.counts.get(&carried.uid) {
                Some(counts) => requested.agents.push(AgentRequests { run: counted.run, counts: Some(*counts) }),
                None => requested.uncounted += u32::from(applied.contains(&carried.uid)),
            }
        }
        requested.agents.sort_by_key(|agent| agent.run);
        requested
    }
}

#[cfg(test)]
mod tests;
