//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Longer than anything should take that isn't measured.
pub const SOON: Duration = Duration::from_secs(20);

/// Asks until there is an answer, for at most [`SOON`].
///
/// # Errors
/// Its own last one, or that it never came.
pub fn until<T>(what: &str, ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    within(SOON, what, ask)
}

/// Asks until there is an answer, for at most `limit`.
///
/// # Errors
/// Its own last one, or that it never came.
pub fn within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        let answer = ask();
        match answer {
            Ok(Some(answer)) => return Ok(answer),
            Err(error) if Instant::now() >= end => {
                return Err(error).with_context(|| format!("waited {limit:?}: {what}"));
            }
            Ok(None) if Instant::now() >= end => bail!("waited {limit:?} in vain: {what}"),
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
}
