//! A command of the user's, run to its end.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use hawser_fault::{Code, Fault};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Runs it at this terminal and says how it ended, as a shell would. Ctrl-C is its own to deal with.
pub(super) async fn run(program: &OsStr, arguments: &[OsString]) -> Result<ExitCode, Fault> {
    let failed = |error: std::io::Error| {
        Fault::new(Code::BadArgument, format!("{} cannot be run: {error}", program.to_string_lossy()))
    };
    let _interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut child = Command::new(program).args(arguments).spawn().map_err(failed)?;
    Ok(exit_code(child.wait().await.map_err(failed)?))
}

/// What a shell would report.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
