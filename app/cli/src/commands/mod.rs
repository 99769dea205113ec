//! One file for each command: ask the helper, show the answer.

pub(crate) mod agent;
mod child;
pub(crate) mod cluster;
pub(crate) mod companion;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod doctor;
pub(crate) mod extend;
pub(crate) mod flows;
pub(crate) mod intercept;
pub(crate) mod key;
pub(crate) mod leave;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod queries;
pub(crate) mod status;
mod target;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use hawser_fault::{Code, Fault};
use hawser_ipc::{Client, from_status, socket_path};
use tonic::Status;

use crate::output::Failure;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs a command that talks to the helper.
pub(crate) fn block_on(command: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let unavailable = |error| Fault::new(Code::Internal, format!("no event loop could be made: {error}"));
    let runtime = runtime.map_err(unavailable)?;
    let outcome = runtime.block_on(command);
    // A lookup that nobody answers would be waited for.
    runtime.shutdown_background();
    outcome
}

async fn helper() -> Result<Client, Failure> {
    Ok(hawser_ipc::connect(&socket_path()).await?)
}

/// This executable, to be started again as another part of Hawser.
fn own_program() -> Result<std::path::PathBuf, Fault> {
    std::env::current_exe()
        .map_err(|error| Fault::new(Code::Internal, format!("this program does not know where it is: {error}")))
}

fn failed(status: Status) -> Failure {
    from_status(&status).into()
}

/// A stream that promised at least one message ended before it.
fn no_answer() -> Failure {
    hawser_client::no_answer().into()
}

fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Unix milliseconds.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
