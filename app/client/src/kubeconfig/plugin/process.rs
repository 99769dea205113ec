//! Running a program that isn't ours: whatever it does, this ends in time, and what is read of it is bounded.

#[cfg(test)]
mod tests;

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::kubeconfig::leash::Leash;
use crate::kubeconfig::limits::{KEPT_STDERR, LARGEST_ANSWER};

/// How long a program that has ended may go without its output ending too. What it wrote itself is in the pipe by then;
/// only a child that it left behind holds the pipe open, and that may do so for ever.
const GRACE: Duration = Duration::from_millis(300);

/// What became of a program.
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) stdout: Vec<u8>,
    /// The end of it.
    pub(super) stderr: Vec<u8>,
}

/// How it ended.
pub(super) enum Ending {
    Exited(ExitStatus),
    /// It was killed at the time limit.
    TimedOut,
    /// It was killed at the limit of its output.
    TooMuch,
}

/// Runs `command`. An attended one writes to our standard error, and reads our standard input if it is interactive. Whenever an
/// unattended one writes there, `hear` gets the end of all that it wrote.
///
/// An unattended one is a process group of its own and is killed with everything it started. An attended one must stay in
/// ours, or it couldn't read the terminal; Ctrl-C reaches all of it. Dropping the future kills too.
pub(super) async fn run(
    mut command: Command,
    attended: bool,
    interactive: bool,
    limit: Duration,
    hear: impl Fn(&[u8]),
) -> io::Result<Ran> {
    command.stdin(if interactive { Stdio::inherit() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(if attended { Stdio::inherit() } else { Stdio::piped() });
    if !attended {
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    let mut leash = Leash::of(&child, !attended);

    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ending = {
        let reading = async { tokio::try_join!(read_answer(out, &mut stdout), read_tail(err, &mut stderr, hear)) };
        tokio::pin!(reading);
        let mut all_read = false;
        let waiting = async {
            tokio::select! {
                status = child.wait() => status.map(Ending::Exited),
                read = &mut reading => {
                    all_read = true;
                    if read.is_err() { Ok(Ending::TooMuch) } else { child.wait().await.map(Ending::Exited) }
                }
            }
        };
        let ending = timeout(limit, waiting).await.unwrap_or(Ok(Ending::TimedOut))?;
        if matches!(ending, Ending::Exited(_)) {
            leash.release();
        }
        match ending {
            Ending::Exited(_) if !all_read && matches!(timeout(GRACE, reading).await, Ok(Err(TooMuch))) => {
                Ending::TooMuch
            }
            ending => ending,
        }
    };
    drop(leash);
    Ok(Ran { ending, stdout, stderr })
}

struct TooMuch;

/// Reads to the end, unless that is too far.
async fn read_answer(from: Option<impl AsyncRead + Unpin>, to: &mut Vec<u8>) -> Result<(), TooMuch> {
    let Some(from) = from else { return Ok(()) };
    // A pipe that breaks has ended.
    let _ = from.take(LARGEST_ANSWER as u64 + 1).read_to_end(to).await;
    if to.len() > LARGEST_ANSWER { Err(TooMuch) } else { Ok(()) }
}

/// Reads to the end and keeps the last of it.
async fn read_tail(
    from: Option<impl AsyncRead + Unpin>,
    to: &mut Vec<u8>,
    hear: impl Fn(&[u8]),
) -> Result<(), TooMuch> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        to.extend_from_slice(&buffer[..length]);
        to.drain(..to.len().saturating_sub(KEPT_STDERR));
        hear(to);
    }
    Ok(())
}
