//! The application as a process.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::session::Process;
use crate::{Processes, Session, tree, until, within};

/// The program under test: `$HAWSER_APP`, or the workspace's debug build.
///
/// # Errors
/// When there is none.
pub fn program() -> Result<PathBuf> {
    let path = match std::env::var_os("HAWSER_APP") {
        Some(path) => PathBuf::from(path),
        None => built()?.join("debug/hawser-app"),
    };
    ensure!(path.exists(), "there is no {}: build it with cargo build -p hawser-app", path.display());
    Ok(path)
}

/// Where cargo puts what it builds.
pub(crate) fn built() -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the workspace's root")?;
    Ok(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from))
}

/// Runs until it is dropped.
pub struct App {
    process: Process,
    log: Log,
    began: Instant,
}

impl App {
    /// Starts it.
    ///
    /// # Errors
    /// When it is missing.
    pub fn start(session: &Session, arguments: &[&str]) -> Result<Self> {
        let began = Instant::now();
        let mut command = session.command(program()?);
        let child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut process = Process(child);
        let log = Log::of(process.0.stderr.take().context("the log is piped")?);
        Ok(Self { process, log, began })
    }

    /// Starts it a second time, and gives what became of that.
    ///
    /// # Errors
    /// When it doesn't end soon.
    pub fn start_again(session: &Session, arguments: &[&str]) -> Result<ExitStatus> {
        let mut command = session.command(program()?);
        let mut again = Process(command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        until("a second start ends", || Ok(again.0.try_wait()?))
    }

    /// How long after its start its page had been drawn for the `time`th time.
    ///
    /// # Errors
    /// When that doesn't happen.
    pub fn painted(&self, time: usize) -> Result<Duration> {
        let seen = until("the page is drawn", || Ok(self.log.times("the page has been drawn").get(time - 1).copied()));
        Ok(seen.with_context(|| self.log.text())?.duration_since(self.began))
    }

    /// It and everything that it started.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processes(&self) -> Result<Processes> {
        tree(self.process.0.id()).with_context(|| self.log.text())
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it goes on.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        within(limit, "the application ends", || Ok(self.process.0.try_wait()?))
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// Of the system.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.0.try_wait()?.is_none())
    }
}

/// The lines of a log, and when each was read.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(Instant, String)>>>);

impl Log {
    pub(crate) fn of(output: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                lines.0.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), line));
            }
        });
        log
    }

    /// When something was said.
    pub(crate) fn times(&self, words: &str) -> Vec<Instant> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|(_, line)| line.contains(words)).map(|(time, _)| *time).collect()
    }

    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}
