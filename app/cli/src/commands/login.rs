//! `hawser login`: obtains the credential at this terminal, then lets whatever waits for it go on.

use std::process::ExitCode;

use hawser_client::companion::{self, Handover};
use hawser_client::connecting::LOGIN_TIME;
use hawser_client::kubeconfig::Interaction;
use hawser_ipc::proto::LoggedInRequest;

use crate::cli::LoginArgs;
use crate::output::{Failure, print};

pub(crate) async fn run(args: LoginArgs) -> Result<ExitCode, Failure> {
    let cluster = super::target::cluster(args.kubeconfig)?;
    let name = args.name.unwrap_or_else(|| cluster.name());
    let login = cluster.access.credential(&cluster.environment, Interaction::Terminal, LOGIN_TIME).await?;
    let handover = Handover { connection: name.clone(), environment: cluster.environment.clone(), login: Some(login) };
    companion::ensure(&super::own_program()?, &handover).await?;
    let mut helper = super::helper().await?;
    helper.logged_in(LoggedInRequest { name }).await.map_err(super::failed)?;
    print(&format!("Logged in to {}.\n", cluster.access.context))?;
    Ok(ExitCode::SUCCESS)
}
