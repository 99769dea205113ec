//! `hawser disconnect`.

use std::process::ExitCode;

use hawser_ipc::Client;
use hawser_ipc::proto::{DisconnectRequest, InterceptPhase};

use crate::cli::DisconnectArgs;
use crate::output::text::harmless;
use crate::output::{Failure, print};

pub(crate) async fn run(args: DisconnectArgs) -> Result<ExitCode, Failure> {
    let name = args.name.unwrap_or_default();
    let mut helper = super::helper().await?;
    let left = live(&mut helper, &name).await?;
    helper.disconnect(DisconnectRequest { name: name.clone() }).await.map_err(super::failed)?;
    let said =
        if name.is_empty() { "disconnected\n".to_owned() } else { format!("{} disconnected\n", harmless(&name)) };
    print(&left.iter().fold(said, |said, name| said + &format!("{} left\n", harmless(name))))?;
    Ok(ExitCode::SUCCESS)
}

/// The intercepts that end with the connection of this name, or the only one.
async fn live(helper: &mut Client, name: &str) -> Result<Vec<String>, Failure> {
    let own =
        hawser_client::snapshot(helper).await?.connections.into_iter().filter(|known| known.owner == super::own_uid());
    let meant = own.filter(|known| name.is_empty() || known.name == name);
    let intercepts = meant.flat_map(|known| known.intercepts);
    Ok(intercepts.filter(|state| state.phase() != InterceptPhase::Ended).map(|state| state.name).collect())
}
