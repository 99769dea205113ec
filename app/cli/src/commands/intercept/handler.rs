//! A command that answers for the workload: its life is tied to the intercept both ways.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use hawser_client::intercept::{FAREWELL, LOOK_AGAIN, Place};
use hawser_client::processes::{Descendant, descendants};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptPhase, Snapshot, WatchRequest};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::Streaming;

use super::leave_at_last;
use super::signals::Signals;
use crate::commands::child::exit_code;
use crate::commands::helper;
use crate::output::Failure;

/// How long a command may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(10);
/// How long that may take for what the command has left behind.
const REST_GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether that has ended.
const LOOK_AT_REST: Duration = Duration::from_millis(20);

/// Runs it with these variables besides its own, until it ends or the intercept does; then neither is left.
pub(super) async fn run(
    program: &OsStr,
    arguments: &[OsString],
    variables: &BTreeMap<String, String>,
    place: &Place,
    signals: &mut Signals,
) -> Result<ExitCode, Failure> {
    let served = serve(program, arguments, variables, place, signals).await;
    let (code, over) = match served {
        Ok((code, over)) => (Ok(code), over),
        Err(error) => {
            let detail = format!("{} cannot be run: {error}", program.to_string_lossy());
            (Err(Fault::new(Code::BadArgument, detail)), None)
        }
    };
    if !matches!(over, Some(Over::WithItsConnection)) {
        leave_at_last(place).await;
    }
    match over {
        Some(Over::By(cause)) => Err(cause.into()),
        _ => Ok(code?),
    }
}

/// How an intercept ended that nobody here has left.
enum Over {
    /// Somebody left it.
    Left,
    /// There is no such connection any more.
    WithItsConnection,
    /// It was ended, for this cause.
    By(Fault),
}

async fn serve(
    program: &OsStr,
    arguments: &[OsString],
    variables: &BTreeMap<String, String>,
    place: &Place,
    signals: &mut Signals,
) -> io::Result<(ExitCode, Option<Over>)> {
    let mut child = Command::new(program).args(arguments).envs(variables).spawn()?;
    let over = tokio::select! {
        status = child.wait() => return Ok((exit_code(status?), None)),
        over = end_of(place) => Some(over),
        () = signals.next_beside_command() => None,
    };
    Ok((stop(&mut child).await?, over))
}

/// Tells it to end, and sees to it. What it has begun ends too: it may hold the port.
async fn stop(child: &mut Child) -> io::Result<ExitCode> {
    let rest = child.id().map(descendants).unwrap_or_default();
    if let Some(id) = child.id() {
        tell(id, Signal::SIGTERM);
    }
    if timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    stop_rest(rest).await;
    Ok(exit_code(child.wait().await?))
}

async fn stop_rest(mut rest: Vec<Descendant>) {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        rest.retain(Descendant::is_running);
        rest.iter().for_each(|process| tell(process.pid, signal));
        let ended = async {
            while rest.iter().any(Descendant::is_running) {
                sleep(LOOK_AT_REST).await;
            }
        };
        let _ = timeout(REST_GRACE, ended).await;
    }
}

fn tell(process: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(process) {
        // One that has just ended needs no telling.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

/// Waits until the intercept is over. A helper that is restarted goes on with it.
async fn end_of(place: &Place) -> Over {
    loop {
        if let Ok(mut helper) = helper().await
            && let Ok(snapshots) = helper.watch(WatchRequest { follow: true, ..WatchRequest::default() }).await
            && let Some(over) = end_in(snapshots.into_inner(), place).await
        {
            return over;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// The same as one helper tells it; `None` if that helper ends.
async fn end_in(mut snapshots: Streaming<Snapshot>, place: &Place) -> Option<Over> {
    let mut missing_since = None;
    loop {
        let gone = async {
            match missing_since {
                Some(since) => sleep_until(since + FAREWELL).await,
                None => std::future::pending().await,
            }
        };
        let snapshot = tokio::select! {
            snapshot = snapshots.message() => snapshot.ok().flatten()?,
            () = gone => return Some(Over::WithItsConnection),
        };
        let Some(connection) = place.connection(&snapshot) else {
            // A helper that ends takes its connections down first.
            missing_since = missing_since.or_else(|| Some(Instant::now()));
            continue;
        };
        missing_since = None;
        match place.intercept(connection) {
            None => return Some(Over::Left),
            Some(state) if state.phase() == InterceptPhase::Ended => {
                return Some(state.cause.clone().map_or(Over::Left, |cause| Over::By(cause.into())));
            }
            Some(_) => {}
        }
    }
}
