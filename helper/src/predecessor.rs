//! The helper that ran before this one and may still be ending.
//!
//! A killed process is gone for whoever waits for it as soon as its first thread is; its other threads hold the lock,
//! the socket and the devices for some milliseconds more.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::limits::PREDECESSOR;

const STEP: Duration = Duration::from_millis(5);

/// Tries until `attempt` succeeds, for as long as a predecessor may take to end.
pub fn outlast<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + PREDECESSOR;
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => sleep(STEP),
            outcome => return outcome,
        }
    }
}

/// Waits until process `pid` holds nothing any more. Does not wait for programs of another name.
pub fn await_end(pid: u32) {
    if pid != std::process::id() {
        let _ = outlast(|| if runs(pid) { Err(()) } else { Ok(()) });
    }
}

/// Whether a thread of it has not ended yet. Only a first thread stays as a zombie, having closed its files.
fn runs(pid: u32) -> bool {
    let name = |path: String| fs::read(path).ok();
    if name(format!("/proc/{pid}/comm")) != name("/proc/self/comm".to_owned()) {
        return false;
    }
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().any(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // proc_pid_stat(5): the state follows the name, which is in parentheses and may hold some itself.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn outlast_tries_again_and_gives_up() {
        let mut left = 3;
        let mut attempt = || {
            left -= 1;
            if left == 0 { Ok(()) } else { Err(left) }
        };
        assert_eq!(outlast(&mut attempt), Ok(()));
        let begin = Instant::now();
        assert_eq!(outlast(|| Err::<(), _>("held")), Err("held"));
        assert!(begin.elapsed() >= PREDECESSOR);
    }

    #[test]
    fn only_living_processes_of_our_name_are_waited_for() {
        assert!(runs(std::process::id()));
        let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(!runs(other.id()));
        drop(other.stdin.take());
        other.wait().unwrap();
        assert!(!runs(other.id()));
    }
}
