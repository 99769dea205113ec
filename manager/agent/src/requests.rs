//! How many requests there were for each intercept that has a filter.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use hawser_tunnel::proto::{InterceptRequests, RequestCounts};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::limits;

/// Counts since the agent started, by the intercept's uid. A manager that was away hears of all that it missed.
pub struct Requests {
    run: u64,
    counts: Mutex<HashMap<String, RequestCounts>>,
    changes: watch::Sender<()>,
}

impl Default for Requests {
    fn default() -> Self {
        // The seed is the operating system's.
        let run = RandomState::new().hash_one(());
        Self { run, counts: Mutex::default(), changes: watch::Sender::default() }
    }
}

impl Requests {
    /// Counts for these intercepts from now on. Others are kept while there is room: a manager may come back with them.
    pub fn expect(&self, intercepts: &HashSet<&str>) {
        let mut counts = self.counts.lock();
        if counts.len() + intercepts.len() > limits::COUNTED {
            counts.retain(|uid, _| intercepts.contains(uid.as_str()));
        }
        for intercept in intercepts {
            if counts.len() < limits::COUNTED {
                counts.entry((*intercept).to_owned()).or_default();
            }
        }
    }

    /// Counts one request for each of these intercepts, with whether the laptop is to get it; `passed` says whether the pod does.
    pub fn count<'a>(&self, seen: impl Iterator<Item = (&'a str, bool)>, passed: bool) {
        let mut counts = self.counts.lock();
        for (intercept, matched) in seen {
            let Some(counts) = counts.get_mut(intercept) else { continue };
            counts.matched += u64::from(matched);
            counts.passed += u64::from(passed && !matched);
        }
        self.changes.send_replace(());
    }

    /// Counts a copy that the laptop doesn't get whole.
    pub fn count_dropped(&self, intercept: &str) {
        if let Some(counts) = self.counts.lock().get_mut(intercept) {
            counts.dropped += 1;
        }
        self.changes.send_replace(());
    }

    /// Names this run of the agent.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// What there was for those of these intercepts that are counted.
    pub fn of(&self, intercepts: &[String]) -> Vec<InterceptRequests> {
        let counts = self.counts.lock();
        let counted = intercepts.iter().filter_map(|intercept| {
            Some(InterceptRequests { intercept: intercept.clone(), counts: Some(*counts.get(intercept)?) })
        });
        counted.collect()
    }

    /// Fires at each request.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

/// Waits until there is news to tell, and until it may be told after what was told last.
pub async fn due(changes: &mut watch::Receiver<()>, told: Instant) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep_until(told + limits::COUNTS_TOLD).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn told(requests: &Requests, intercept: &str) -> Option<(u64, u64, u64)> {
        let counted = requests.of(&[intercept.to_owned()]);
        let counts = counted.first()?.counts.unwrap();
        Some((counts.matched, counts.passed, counts.dropped))
    }

    #[test]
    fn a_request_is_the_laptop_s_or_the_pod_s_or_somebody_else_s() {
        let requests = Requests::default();
        requests.expect(&["a", "b"].into());
        requests.count([("a", true), ("b", false), ("uncounted", true)].into_iter(), false);
        requests.count([("a", false), ("b", false)].into_iter(), true);
        requests.count([("a", true), ("b", false)].into_iter(), true);
        requests.count_dropped("a");
        assert_eq!(told(&requests, "a"), Some((2, 1, 1)));
        assert_eq!(told(&requests, "b"), Some((0, 2, 0)), "what went to another laptop is no business of this one");
        assert_eq!(told(&requests, "uncounted"), None);
        assert_ne!(Requests::default().run(), requests.run());
    }

    #[test]
    fn what_is_over_is_forgotten_for_want_of_room_and_nothing_else() {
        let requests = Requests::default();
        let names: Vec<String> = (0..=limits::COUNTED).map(|number| number.to_string()).collect();
        let first = |count| names[..count].iter().map(String::as_str).collect::<HashSet<_>>();
        requests.expect(&first(2));
        requests.count([("0", true), ("1", true)].into_iter(), false);
        requests.expect(&first(0));
        assert_eq!(told(&requests, "0"), Some((1, 0, 0)), "nobody has said that it is over");
        requests.expect(&first(limits::COUNTED));
        assert_eq!(told(&requests, "1"), Some((1, 0, 0)));
        requests.expect(&first(limits::COUNTED + 1));
        assert_eq!(requests.of(&names).len(), limits::COUNTED);
        requests.expect(&["new"].into());
        assert_eq!((told(&requests, "0"), told(&requests, "new")), (None, Some((0, 0, 0))));
    }

    #[tokio::test(start_paused = true)]
    async fn news_is_told_at_once_and_then_once_a_second() {
        let requests = Requests::default();
        let mut changes = requests.changes();
        let began = Instant::now();
        requests.count([].into_iter(), true);
        due(&mut changes, began - Duration::from_secs(5)).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        let told = Instant::now();
        let flood = async {
            for _ in 0..20 {
                requests.count([].into_iter(), true);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::join!(due(&mut changes, told), flood);
        assert_eq!(told.elapsed(), limits::COUNTS_TOLD);
        changes.mark_unchanged();
        let quiet = tokio::time::timeout(Duration::from_secs(60), due(&mut changes, told)).await;
        assert!(quiet.is_err(), "nothing is told without news");
    }
}
