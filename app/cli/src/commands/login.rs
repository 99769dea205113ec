//! `hawser login`: obtains the credential at this terminal, then lets whatever waits for it go on.

use std::process::ExitCode;

use hawser_client::companion;
use hawser_client::connecting::LOGIN_TIME;
use hawser_client::kubeconfig::Interaction;
use hawser_ipc::proto::LoggedInRequest;

use crate::cli::LoginArgs;
use crate::output::{Failure, print};

pub(crate) async fn run(args: LoginArgs) -> Result<ExitCode, Failure> {
    let cluster = super::target::cluster(args.kubeconfig)?;
    let name = args.name.unwrap_or_else(|| cluster.name());
    let credential = cluster.access.credential(&cluster.environment, Interaction::Terminal, LOGIN_TIME).await?;
    companion::ensure(&super::own_program()?, &cluster.logged_in(&name, credential)).await?;
    let mut helper = super::helper().await?;
    helper.logged_in(LoggedInRequest { name }).await.map_err(super::failed)?;
    print(&format!("Logged in to {}.\n", cluster.access.context))?;
    Ok(ExitCode::SUCCESS)
}
