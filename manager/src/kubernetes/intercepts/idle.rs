//! Agents that nothing needs: after a time pods are made without them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use hawser_api::Workload;

use super::Intercepts;

impl Intercepts {
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
