//! Requests for intercepts that have a filter: what agents have counted, as any manager tells of it, added up.
//!
//! An agent that starts anew begins at zero; what it counted in an earlier run stays in the sum, and so does what those counted
//! whose pods are gone. So a sum never falls, and says what there was since the intercept began, as far as this helper was there to
//! hear of it. What an agent counted in its last second and told nobody is lost.

use std::collections::{BTreeMap, HashMap, HashSet};

use hawser_tunnel::proto::{AgentRequests, RequestCounts, RequestList, Requested};
use hawser_vif::LinkId;
use parking_lot::Mutex;

use crate::limits;

/// By the intercept's uid.
#[derive(Default)]
pub struct Requests(Mutex<HashMap<String, Sum>>);

#[derive(Default)]
struct Sum {
    /// By the agent's run.
    runs: HashMap<u64, RequestCounts>,
    /// Of runs that are over and for which there was no room any more.
    before: RequestCounts,
    /// Agents that don't count, by whose manager says so.
    uncounted: BTreeMap<LinkId, u32>,
}

impl Requests {
    /// What there was for this intercept. `None` if nobody has counted it, or an agent of it doesn't.
    pub fn of(&self, uid: &str) -> Option<RequestCounts> {
        let sums = self.0.lock();
        let sum =
            sums.get(uid).filter(|sum| !sum.runs.is_empty() && sum.uncounted.values().all(|count| *count == 0))?;
        Some(sum.runs.values().fold(sum.before, plus))
    }

    /// What the manager behind this link says.
    pub fn hear(&self, link: LinkId, list: RequestList) {
        let mut sums = self.0.lock();
        for Requested { uid, agents, uncounted } in list.intercepts {
            if sums.len() >= limits::INTERCEPTS && !sums.contains_key(&uid) {
                continue;
            }
            let sum = sums.entry(uid).or_default();
            sum.uncounted.insert(link, uncounted);
            sum.add(&agents);
        }
    }

    /// What this link's manager said of agents that don't count holds no longer.
    pub fn forget_link(&self, link: LinkId) {
        for sum in self.0.lock().values_mut() {
            sum.uncounted.remove(&link);
        }
    }

    /// Forgets all other intercepts.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.0.lock().retain(|uid, _| uids.contains(uid));
    }
}

impl Sum {
    fn add(&mut self, agents: &[AgentRequests]) {
        let told = || agents.iter().take(limits::AGENT_RUNS);
        let new = told().filter(|agent| !self.runs.contains_key(&agent.run)).count();
        if self.runs.len() + new > limits::AGENT_RUNS {
            let running: HashSet<u64> = told().map(|agent| agent.run).collect();
            let over = self.runs.extract_if(|run, _| !running.contains(run));
            self.before = over.fold(self.before, |sum, (_, counts)| plus(sum, &counts));
        }
        for agent in told() {
            let (known, told) = (self.runs.entry(agent.run).or_default(), agent.counts.unwrap_or_default());
            // Of two managers one is a little behind.
            *known = RequestCounts {
                matched: known.matched.max(told.matched),
                passed: known.passed.max(told.passed),
                dropped: known.dropped.max(told.dropped),
            };
        }
    }
}

fn plus(sum: RequestCounts, counts: &RequestCounts) -> RequestCounts {
    RequestCounts {
        matched: sum.matched.saturating_add(counts.matched),
        passed: sum.passed.saturating_add(counts.passed),
        dropped: sum.dropped.saturating_add(counts.dropped),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hawser_vif::{Config, Core};

    use super::*;

    /// Two links.
    fn links() -> [LinkId; 2] {
        let now = Instant::now();
        let mut core = Core::new(Config { local: Vec::new(), checksum_offload: false, seed: 1 }, now);
        [core.link_up(now), core.link_up(now)]
    }

    /// What a manager says of `u`, each agent as `(run, matched, passed)`.
    fn list(agents: &[(u64, u64, u64)], uncounted: u32) -> RequestList {
        let agents = agents.iter().map(|(run, matched, passed)| AgentRequests {
            run: *run,
            counts: Some(RequestCounts { matched: *matched, passed: *passed, dropped: 1 }),
        });
        let requested = Requested { uid: "u".to_owned(), agents: agents.collect(), uncounted };
        RequestList { intercepts: vec![requested] }
    }

    fn counts(matched: u64, passed: u64, dropped: u64) -> Option<RequestCounts> {
        Some(RequestCounts { matched, passed, dropped })
    }

    #[test]
    fn runs_of_all_pods_are_added_up_once() {
        let (requests, [one, other]) = (Requests::default(), links());
        assert_eq!(requests.of("u"), None);
        requests.hear(one, list(&[], 0));
        assert_eq!(requests.of("u"), None, "no agent has said anything");
        requests.hear(one, list(&[(1, 5, 3), (2, 7, 0)], 0));
        assert_eq!(requests.of("u"), counts(12, 3, 2));
        requests.hear(other, list(&[(1, 4, 3), (2, 8, 0)], 0));
        assert_eq!(requests.of("u"), counts(13, 3, 2), "another replica is behind with one and ahead with the other");
        requests.hear(one, list(&[(3, 1, 1), (2, 8, 0)], 0));
        assert_eq!(requests.of("u"), counts(14, 4, 3), "an agent has started anew");
        requests.forget_link(one);
        requests.hear(other, list(&[(3, 2, 1)], 0));
        assert_eq!(requests.of("u"), counts(15, 4, 3), "a pod has gone");
    }

    #[test]
    fn a_part_is_not_told_as_the_whole() {
        let (requests, [one, other]) = (Requests::default(), links());
        requests.hear(one, list(&[(1, 5, 0)], 1));
        requests.hear(other, list(&[(1, 5, 0)], 0));
        assert_eq!(requests.of("u"), None, "an older agent takes part");
        requests.forget_link(one);
        assert_eq!(requests.of("u"), counts(5, 0, 1), "and is gone");
    }

    #[test]
    fn what_is_remembered_has_bounds() {
        let (requests, [link, _]) = (Requests::default(), links());
        let runs = u64::try_from(limits::AGENT_RUNS).unwrap();
        for run in 0..runs + 10 {
            requests.hear(link, list(&[(run, 1, 0)], 0));
        }
        assert_eq!(requests.of("u"), counts(runs + 10, 0, runs + 10));
        assert!(requests.0.lock()["u"].runs.len() <= limits::AGENT_RUNS);
        let flood: Vec<_> = (runs * 2..runs * 4).map(|run| (run, 1, 0)).collect();
        requests.hear(link, list(&flood, 0));
        assert!(requests.0.lock()["u"].runs.len() <= limits::AGENT_RUNS);

        for number in 0..limits::INTERCEPTS * 2 {
            let requested = Requested { uid: number.to_string(), ..Requested::default() };
            requests.hear(link, RequestList { intercepts: vec![requested] });
        }
        assert_eq!(requests.0.lock().len(), limits::INTERCEPTS);
        requests.keep(&["u".to_owned()].into());
        assert_eq!(requests.0.lock().len(), 1);
        requests.keep(&HashSet::new());
        assert_eq!(requests.of("u"), None);
    }
}
