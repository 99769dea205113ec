//! How much the helper writes to its log, changed while it runs.

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::limits;

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What the environment says; what a user wants to know if it says nothing.
    Normal,
    /// What who looks for a fault wants to know.
    Debug,
}

impl Level {
    const ALL: [Self; 2] = [Self::Normal, Self::Debug];

    /// The level that has this word.
    ///
    /// # Errors
    /// `bad-argument` if none has.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        let unknown = || {
            let start = &word[..word.floor_char_boundary(limits::NAME_BYTES)];
            Fault::new(Code::BadArgument, format!("the log has no level {start:?}")).with_fix("Use normal or debug.")
        };
        Self::ALL.into_iter().find(|level| level.word() == word).ok_or_else(unknown)
    }

    /// As the contract has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Debug => "debug",
        }
    }

    fn filter(self) -> EnvFilter {
        match self {
            Self::Normal => EnvFilter::try_from_env("HAWSER_LOG").unwrap_or_else(|_| EnvFilter::new("info")),
            // Of our own rooms alone: libraries write what they carry, credentials among it.
            Self::Debug => EnvFilter::new("info,hawser=debug"),
        }
    }
}

/// The filter that everything passes on its way into the log.
pub type Filter = reload::Layer<EnvFilter, Registry>;

/// How much is written now.
pub struct Verbosity {
    filter: reload::Handle<EnvFilter, Registry>,
    raised: Mutex<Option<Raised>>,
}

struct Raised {
    until: Timestamp,
    ends: AbortHandle,
}

impl Verbosity {
    /// The normal one, and the filter that obeys it.
    pub fn new() -> (Arc<Self>, Filter) {
        let (layer, filter) = reload::Layer::new(Level::Normal.filter());
        (Arc::new(Self { filter, raised: Mutex::default() }), layer)
    }

    /// How much is written, and when that goes back to normal.
    pub fn now(&self) -> (Level, Option<Timestamp>) {
        match &*self.raised.lock() {
            Some(raised) => (Level::Debug, Some(raised.until)),
            None => (Level::Normal, None),
        }
    }

    /// Writes this much from now on; more than normal for [`limits::DETAILED_LOG`].
    ///
    /// # Errors
    /// `internal` if the log isn't this helper's own.
    pub fn set(self: &Arc<Self>, level: Level) -> Result<(), Fault> {
        let mut raised = self.raised.lock();
        let foreign = |error| Fault::new(Code::Internal, format!("the log cannot be changed: {error}"));
        self.filter.reload(level.filter()).map_err(foreign)?;
        let next = (level == Level::Debug).then(|| self.raise());
        if let Some(before) = std::mem::replace(&mut *raised, next) {
            before.ends.abort();
        }
        drop(raised);
        tracing::info!(level = level.word(), "the log's level is set");
        Ok(())
    }

    fn raise(self: &Arc<Self>) -> Raised {
        let verbosity = Arc::clone(self);
        let ends = tokio::spawn(async move {
            tokio::time::sleep(limits::DETAILED_LOG).await;
            // It was set before, so it can be set.
            let _ = verbosity.set(Level::Normal);
        });
        Raised { until: Timestamp::now() + limits::DETAILED_LOG, ends: ends.abort_handle() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::recent::Recent;

    /// A log, and how often something for maintainers is in it after it was written once more.
    struct Log {
        verbosity: Arc<Verbosity>,
        recent: Recent,
        _is_current: tracing::subscriber::DefaultGuard,
    }

    impl Log {
        fn start() -> Self {
            let recent = Recent::default();
            let (verbosity, filter) = Verbosity::new();
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(recent.clone());
            let subscriber = tracing_subscriber::registry().with(filter).with(lines);
            Self { verbosity, recent, _is_current: tracing::subscriber::set_default(subscriber) }
        }

        /// Whether what a maintainer wants to know is written now.
        fn is_detailed(&self, what: &str) -> bool {
            tracing::debug!("detail {what}");
            tracing::debug!(target: "h2", "foreign {what}");
            tracing::info!("news {what}");
            let text = self.recent.read(0).unwrap().text;
            assert!(text.contains(&format!("news {what}")), "{text}");
            assert!(!text.contains("foreign"), "{text}");
            text.contains(&format!("detail {what}"))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_is_written_when_it_is_asked_for_and_for_a_while() {
        let log = Log::start();
        assert!(!log.is_detailed("at first"));
        assert_eq!(log.verbosity.now(), (Level::Normal, None));

        log.verbosity.set(Level::Debug).unwrap();
        assert!(log.is_detailed("when asked for"));
        let (level, until) = log.verbosity.now();
        let left = until.unwrap().duration_since(Timestamp::now()).unsigned_abs();
        assert_eq!(level, Level::Debug);
        assert!(left <= limits::DETAILED_LOG && left + Duration::from_secs(60) > limits::DETAILED_LOG, "{left:?}");

        tokio::time::sleep(limits::DETAILED_LOG - Duration::from_secs(1)).await;
        assert!(log.is_detailed("to the end"));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!log.is_detailed("after it"));
        assert_eq!(log.verbosity.now(), (Level::Normal, None));
    }

    #[tokio::test(start_paused = true)]
    async fn asked_for_again_it_lasts_longer_and_ends_when_it_is_no_more_wanted() {
        let log = Log::start();
        log.verbosity.set(Level::Debug).unwrap();
        tokio::time::sleep(limits::DETAILED_LOG / 2).await;
        log.verbosity.set(Level::Debug).unwrap();
        tokio::time::sleep(limits::DETAILED_LOG * 3 / 4).await;
        assert!(log.is_detailed("for longer"));
        log.verbosity.set(Level::Normal).unwrap();
        assert!(!log.is_detailed("no more"));
        assert_eq!(log.verbosity.now(), (Level::Normal, None));
    }

    #[test]
    fn each_level_has_a_word_and_others_are_refused() {
        for level in Level::ALL {
            assert_eq!(Level::parse(level.word()), Ok(level));
        }
        for word in ["", "Debug", "trace", "hawser=trace", &"é".repeat(1_000)] {
            let fault = Level::parse(word).unwrap_err();
            assert_eq!((fault.code, fault.fix.as_str()), (Code::BadArgument, "Use normal or debug."), "{word}");
            assert!(fault.detail.len() < 200, "{}", fault.detail);
        }
    }

    #[tokio::test]
    async fn another_program_s_log_is_left_alone() {
        let (verbosity, filter) = Verbosity::new();
        drop(filter);
        assert_eq!(verbosity.set(Level::Debug).unwrap_err().code, Code::Internal);
        assert_eq!(verbosity.now(), (Level::Normal, None));
    }
}
