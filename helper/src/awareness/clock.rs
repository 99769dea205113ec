//! Sleep, by the two clocks of the kernel of which one goes on (clock_gettime(2)).

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Less is measuring.
const SLEEP: Duration = Duration::from_millis(500);

/// How far the clocks were apart when somebody last looked.
pub struct Clock {
    apart: Duration,
    look: fn() -> Duration,
}

impl Clock {
    /// From now on.
    pub fn new() -> Self {
        Self::with(apart)
    }

    /// With what says how far the clocks are apart.
    pub(super) fn with(look: fn() -> Duration) -> Self {
        Self { apart: look(), look }
    }

    /// How long the computer slept since this was last asked.
    pub fn slept(&mut self) -> Option<Duration> {
        let apart = (self.look)();
        let slept = apart.saturating_sub(self.apart);
        self.apart = apart;
        (slept >= SLEEP).then_some(slept)
    }
}

/// How much longer than awake the computer has been on. A clock that cannot be read stands still.
fn apart() -> Duration {
    let read = |clock| clock_gettime(clock).map(Duration::from).unwrap_or_default();
    read(ClockId::CLOCK_BOOTTIME).saturating_sub(read(ClockId::CLOCK_MONOTONIC))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn sleep_is_seen_once() {
        static APART: AtomicU64 = AtomicU64::new(1_000);
        let mut clock = Clock::with(|| Duration::from_millis(APART.load(Ordering::Relaxed)));
        assert_eq!(clock.slept(), None);
        APART.store(1_499, Ordering::Relaxed);
        assert_eq!(clock.slept(), None, "no sleep is so short");
        APART.store(61_499, Ordering::Relaxed);
        assert_eq!(clock.slept(), Some(Duration::from_secs(60)));
        assert_eq!(clock.slept(), None);
    }

    #[test]
    fn the_real_clocks_are_read() {
        assert_eq!(Clock::new().slept(), None);
        assert_ne!(clock_gettime(ClockId::CLOCK_BOOTTIME), Ok(nix::sys::time::TimeSpec::new(0, 0)));
    }
}
