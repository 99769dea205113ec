//! A command that answers for the workload: its life is tied to the intercept both ways.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptPhase, WatchRequest};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::{Place, leave};
use crate::commands::child::exit_code;
use crate::commands::{helper, own_uid};
use crate::output::Failure;

/// How long a command may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(10);
/// How often a helper that is being restarted is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs it with these variables besides its own, until it ends or the intercept does; then neither is left.
pub(super) async fn run(
    program: &OsStr,
    arguments: &[OsString],
    variables: &BTreeMap<String, String>,
    place: &Place,
) -> Result<ExitCode, Failure> {
    let outcome = serve(program, arguments, variables, place).await;
    // Whatever became of it.
    leave(&mut helper().await?, place).await?;
    outcome
}

async fn serve(
    program: &OsStr,
    arguments: &[OsString],
    variables: &BTreeMap<String, String>,
    place: &Place,
) -> Result<ExitCode, Failure> {
    let unusable = |error: std::io::Error| {
        Fault::new(Code::BadArgument, format!("{} cannot be run: {error}", program.to_string_lossy()))
    };
    // Ctrl-C reaches the command by the terminal and is its own to deal with.
    let _interrupts = signal(SignalKind::interrupt()).map_err(unusable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(unusable)?;
    let mut child = Command::new(program).args(arguments).envs(variables).spawn().map_err(unusable)?;
    let ended = tokio::select! {
        status = child.wait() => return Ok(exit_code(status.map_err(unusable)?)),
        ended = end_of(place) => ended,
        _ = terminate.recv() => None,
        _ = hang_up.recv() => None,
    };
    let code = stop(&mut child).await.map_err(unusable)?;
    match ended {
        Some(cause) => Err(cause.into()),
        None => Ok(code),
    }
}

/// Tells it to end, and sees to it.
async fn stop(child: &mut Child) -> std::io::Result<ExitCode> {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // One that has just ended needs no telling.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    if timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(exit_code(child.wait().await?))
}

/// Waits until the intercept is over; says why, if nobody here asked for it. A helper that is restarted goes on with it.
async fn end_of(place: &Place) -> Option<Fault> {
    loop {
        let snapshots = match helper().await {
            Ok(mut helper) => helper.watch(WatchRequest { follow: true }).await.ok(),
            Err(_) => None,
        };
        let mut snapshots = snapshots.map(tonic::Response::into_inner);
        while let Some(snapshots) = &mut snapshots
            && let Ok(Some(snapshot)) = snapshots.message().await
        {
            let own = |owner: u32, name: &str| owner == own_uid() && name == place.connection;
            let connection = snapshot.connections.iter().find(|connection| own(connection.owner, &connection.name));
            let intercepts = connection.map(|connection| connection.intercepts.as_slice()).unwrap_or_default();
            match intercepts.iter().find(|intercept| intercept.name == place.name) {
                None => return None,
                Some(over) if over.phase() == InterceptPhase::Ended => return over.cause.clone().map(Fault::from),
                Some(_) => {}
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}
