//! `hawser doctor`.

use std::process::ExitCode;

use hawser_client::doctor::examine;
use hawser_ipc::proto::Outcome;
use hawser_ipc::socket_path;

use crate::cli::DoctorArgs;
use crate::output::{Failure, print, print_json};
use crate::{json, view};

pub(crate) async fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let checks = examine(&socket_path(), env!("CARGO_PKG_VERSION")).await;
    let any_failed = checks.iter().any(|check| check.outcome == Outcome::Fail);
    if args.json {
        print_json(&json::Doctor::from(checks))?;
    } else {
        print(&view::doctor::describe(&checks))?;
    }
    Ok(if any_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
