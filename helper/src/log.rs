//! The helper's log, as those who look for a fault have it: what is remembered, and how much is written.

use std::sync::Arc;

use hawser_fault::Fault;
use jiff::Timestamp;

use crate::level::{Filter, Level, Verbosity};
use crate::recent::Recent;

/// The log.
pub struct Log {
    /// What is remembered of it.
    pub recent: Recent,
    verbosity: Arc<Verbosity>,
}

impl Log {
    /// An empty one, and the filter that everything passes on its way into it.
    pub fn new() -> (Self, Filter) {
        let (verbosity, filter) = Verbosity::new();
        (Self { recent: Recent::default(), verbosity }, filter)
    }

    /// How much is written, and when that goes back to normal.
    pub fn level(&self) -> (Level, Option<Timestamp>) {
        self.verbosity.now()
    }

    /// Sets the level that has this word, for a user whom nothing in the log is hidden from.
    ///
    /// # Errors
    /// `bad-argument` for another word, `not-owner` if the log may tell of somebody else's connections.
    pub fn set_level(&self, caller: u32, word: &str) -> Result<(), Fault> {
        let level = Level::parse(word)?;
        let by_root = |fault: Fault| fault.with_fix("Only root can change it now.");
        self.recent.check(caller).map_err(by_root)?;
        self.verbosity.set(level)
    }
}

#[cfg(test)]
mod tests {
    use hawser_fault::Code;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[tokio::test]
    async fn nobody_has_more_written_of_another_s_connections() {
        let (log, filter) = Log::new();
        let _is_current = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));
        log.recent.tells_of(1000);
        log.set_level(1000, "debug").unwrap();
        log.recent.tells_of(1001);
        for caller in [1000, 1001, 1002] {
            let fault = log.set_level(caller, "normal").unwrap_err();
            assert_eq!((fault.code, fault.fix.as_str()), (Code::NotOwner, "Only root can change it now."));
        }
        assert_eq!(log.level().0, Level::Debug);
        log.set_level(0, "normal").unwrap();
        assert_eq!(log.level(), (Level::Normal, None));
        assert_eq!(log.set_level(0, "loud").unwrap_err().code, Code::BadArgument);
    }
}
