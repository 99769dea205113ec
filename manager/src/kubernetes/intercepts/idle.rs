//! What ended intercepts have left: containers that don't run their own program come back at once, agents that nothing needs go after
//! a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use hawser_api::{Intercept, InterceptPhase, Mode, Workload};
use kube::ResourceExt as _;
use tokio::time::sleep;

use super::{Intercepts, phase};
use crate::{exchange, limits};

impl Intercepts {
    /// Gives programs back that no intercept replaces any more.
    pub(super) fn restore_programs(self: &Arc<Self>, known: &[Arc<Intercept>]) {
        let is_wanted = |(namespace, (kind, name)): &(String, exchange::Workload)| {
            known.iter().any(|intercept| {
                let spec = &intercept.spec;
                let is_over =
                    phase(intercept) == InterceptPhase::Refused || intercept.metadata.deletion_timestamp.is_some();
                spec.mode == Mode::Replace
                    && !is_over
                    && intercept.namespace().as_ref() == Some(namespace)
                    && spec.workload.kind == *kind
                    && spec.workload.name == *name
            })
        };
        for place in self.exchange.replaced().into_iter().filter(|place| !is_wanted(place)) {
            if !self.restoring.lock().insert(place.clone()) {
                continue;
            }
            let intercepts = self.clone();
            tokio::spawn(async move {
                let (namespace, (kind, name)) = place.clone();
                let workload = Workload { kind, name };
                // Which of the two has something to do depends on whether others intercept the workload.
                let replaced = intercepts.workloads.replace_pods(&namespace, &workload).await;
                let restored = match replaced {
                    Ok(()) => intercepts.workloads.remove_agents(&namespace, &workload).await,
                    Err(fault) => Err(fault),
                };
                if let Err(fault) = restored {
                    tracing::warn!(namespace, workload = workload.name, %fault, "a replaced program does not come back yet");
                    sleep(limits::REPLACE_AGAIN).await;
                }
                intercepts.restoring.lock().remove(&place);
            });
        }
    }

    /// Has agents removed of which nothing is intercepted for as long as the chart says; never if that is no time at all.
    pub(super) fn remove_idle(self: &Arc<Self>) {
        if self.idle_time.is_zero() {
            return;
        }
        let idle = self.exchange.idle();
        let due: HashSet<_> = {
            let mut since = self.idle_since.lock();
            since.retain(|workload, _| idle.contains(workload));
            for workload in idle {
                since.entry(workload).or_insert_with(Instant::now);
            }
            since.extract_if(|_, since| since.elapsed() >= self.idle_time).map(|(workload, _)| workload).collect()
        };
        for (namespace, (kind, name)) in due {
            let intercepts = self.clone();
            tokio::spawn(async move {
                let workload = Workload { kind, name };
                match intercepts.workloads.remove_agents(&namespace, &workload).await {
                    Ok(()) => tracing::info!(namespace, workload = workload.name, "idle agents are removed"),
                    Err(fault) => tracing::info!(namespace, workload = workload.name, %fault, "idle agents stay"),
                }
            });
        }
    }
}
