//! `hawser key`.

use std::process::ExitCode;

use hawser_ipc::proto::KeyRequest;

use crate::cli::KeyArgs;
use crate::json;
use crate::output::{Failure, print, print_json};

pub(crate) async fn run(args: KeyArgs) -> Result<ExitCode, Failure> {
    let pin = super::helper().await?.key(KeyRequest {}).await.map_err(super::failed)?.into_inner().pin;
    if args.json {
        print_json(&json::Key { pin })?;
    } else {
        print(&(pin + "\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
