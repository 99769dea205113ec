//! `hawser leave`.

use std::process::ExitCode;

use hawser_ipc::proto::LeaveRequest;

use crate::cli::intercept::LeaveArgs;
use crate::json;
use crate::output::text::harmless;
use crate::output::{Failure, print, print_json};

pub(crate) async fn run(args: LeaveArgs) -> Result<ExitCode, Failure> {
    let request = LeaveRequest {
        connection: args.connection.connection.unwrap_or_default(),
        name: args.name.unwrap_or_default(),
    };
    let names = super::helper().await?.leave(request).await.map_err(super::failed)?.into_inner().names;
    if args.json {
        print_json(&json::Left { left: names })?;
    } else if names.is_empty() {
        print("there was nothing to leave\n")?;
    } else {
        print(&names.iter().map(|name| format!("{} left\n", harmless(name))).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}
