//! `hawser extend`.

use std::process::ExitCode;

use hawser_ipc::proto::ExtendRequest;

use crate::cli::intercept::ExtendArgs;
use crate::output::text::harmless;
use crate::output::{Failure, print, print_json};
use crate::{json, view};

pub(crate) async fn run(args: ExtendArgs) -> Result<ExitCode, Failure> {
    let until = match args.until.as_str() {
        "never" => 0,
        text => super::intercept::until(text)?,
    };
    let connection = args.connection.connection.unwrap_or_default();
    let request = ExtendRequest { connection, name: args.name, until };
    let state = super::helper().await?.extend_intercept(request).await.map_err(super::failed)?.into_inner();
    if args.json {
        print_json(&json::Intercept::from(state))?;
    } else {
        let end = view::intercept::until(&state, super::now());
        print(&format!("{} ends {}\n", harmless(&state.name), if end.is_empty() { "when it is left" } else { &end }))?;
    }
    Ok(ExitCode::SUCCESS)
}
