//! `hawser disconnect`.

use std::process::ExitCode;

use hawser_ipc::proto::DisconnectRequest;

use crate::cli::DisconnectArgs;
use crate::output::text::harmless;
use crate::output::{Failure, print};

pub(crate) async fn run(args: DisconnectArgs) -> Result<ExitCode, Failure> {
    let name = args.name.unwrap_or_default();
    super::helper().await?.disconnect(DisconnectRequest { name: name.clone() }).await.map_err(super::failed)?;
    print(&if name.is_empty() { "disconnected\n".to_owned() } else { format!("{} disconnected\n", harmless(&name)) })?;
    Ok(ExitCode::SUCCESS)
}
