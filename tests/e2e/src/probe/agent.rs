//! Remote control: commands arrive as lines on standard input, their outcomes leave on standard output.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Starts each of the agent's lines, to tell them from what the demo prints.
pub const MARK: &str = "\u{1}agent ";

/// What the agent is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Run a shell command.
    Run {
        /// Names the command in its reply.
        id: u64,
        /// What `sh -c` gets.
        command: String,
        /// After this time it is killed.
        seconds: u64,
    },
    /// Kill a running command with its children.
    Kill {
        /// Which one.
        id: u64,
    },
}

/// How a command ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// Which command.
    pub id: u64,
    /// Exit code, 124 after a time-out, -1 after a signal.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// How long it ran.
    pub seconds: f64,
}

/// Serves requests until standard input ends, then kills what still runs.
pub fn run() -> Result<()> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    say(&json!({ "ip": variable("HAWSER_DEMO_CLUSTER_IP"), "ip6": variable("HAWSER_DEMO_CLUSTER_IP6") }).to_string())?;
    let running: Arc<Mutex<HashMap<u64, Pid>>> = Arc::default();
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Request::Run { id, command, seconds } => {
                let running = running.clone();
                std::thread::spawn(move || {
                    let reply = execute(id, &command, seconds, &running);
                    let _ = serde_json::to_string(&reply).map(|line| say(&line));
                });
            }
            Request::Kill { id } => kill(running.lock().unwrap_or_else(PoisonError::into_inner).get(&id)),
        }
    }
    running.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|group| kill(Some(group)));
    Ok(())
}

/// `timeout` makes a process group of its own and ends the whole group when time is up.
fn execute(id: u64, command: &str, seconds: u64, running: &Mutex<HashMap<u64, Pid>>) -> Reply {
    let started = Instant::now();
    let child = Command::new("timeout")
        .args(["--kill-after=2", &seconds.to_string(), "sh", "-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = child.and_then(|child| {
        running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Pid::from_raw(child.id().cast_signed()));
        child.wait_with_output()
    });
    running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    let seconds = started.elapsed().as_secs_f64();
    match output {
        Ok(output) => Reply {
            id,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            seconds,
        },
        Err(error) => Reply { id, code: -1, stdout: String::new(), stderr: error.to_string(), seconds },
    }
}

fn kill(group: Option<&Pid>) {
    if let Some(group) = group {
        let _ = killpg(*group, Signal::SIGTERM);
    }
}

fn say(message: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{MARK}{message}")?;
    output.flush()?;
    Ok(())
}
