//! How long to wait before dialling again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::limits::{REDIAL_FIRST, REDIAL_LONGEST};

/// Doubling waits, each shortened at random by up to a quarter so that many laptops do not come back in step.
pub struct Backoff {
    whole: Duration,
    random: RandomState,
    count: u64,
}

impl Backoff {
    /// Starts with the shortest wait.
    pub fn new() -> Self {
        Self { whole: REDIAL_FIRST, random: RandomState::new(), count: 0 }
    }

    /// The next wait.
    pub fn next(&mut self) -> Duration {
        self.count += 1;
        let whole = self.whole;
        self.whole = (whole * 2).min(REDIAL_LONGEST);
        let share = (self.random.hash_one(self.count) % 1_000) as u32;
        whole - whole / 4 * share / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let mut backoff = Backoff::new();
        for whole in [100, 200, 400, 800, 1_000, 1_000, 1_000] {
            let wait = backoff.next();
            let whole = Duration::from_millis(whole);
            assert!(wait <= whole && wait >= whole * 3 / 4, "{wait:?} of {whole:?}");
        }
    }

    #[test]
    fn two_laptops_differ() {
        let waits = |mut backoff: Backoff| (0..8).map(|_| backoff.next()).collect::<Vec<_>>();
        assert_ne!(waits(Backoff::new()), waits(Backoff::new()));
    }
}
