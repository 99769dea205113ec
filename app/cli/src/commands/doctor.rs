//! `hawser doctor`.

use std::process::ExitCode;

use hawser_client::doctor::{Question, examine, is_failure};
use hawser_ipc::socket_path;

use super::target::environment;
use crate::cli::DoctorArgs;
use crate::output::{Failure, print, print_json};
use crate::{json, view};

pub(crate) async fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let question = Question {
        socket: &socket_path(),
        version: env!("CARGO_PKG_VERSION"),
        arguments: args.kubeconfig.into(),
        environment: &environment()?,
        manager_namespace: &args.manager.manager_namespace,
    };
    let checks = examine(&question).await;
    let any_failed = checks.iter().any(is_failure);
    if args.json {
        print_json(&json::Doctor::from(checks))?;
    } else {
        print(&view::doctor::describe(&checks))?;
    }
    Ok(if any_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
