//! `hawser logs`: everything that somebody needs who looks for a fault, in one file; and how much the helper writes to its log.

use std::path::PathBuf;
use std::process::ExitCode;

use hawser_client::doctor::Question;
use hawser_client::gather;
use hawser_ipc::proto::LevelRequest;
use hawser_ipc::socket_path;

use super::target::environment;
use crate::cli::{GatherArgs, LevelArgs, LogsArgs, LogsCommand};
use crate::output::progress::Progress;
use crate::output::{Failure, print};
use crate::view;

pub(crate) async fn run(args: LogsArgs) -> Result<ExitCode, Failure> {
    match args.command {
        LogsCommand::Gather(args) => gather(args).await,
        LogsCommand::Level(args) => level(args).await,
    }
}

async fn level(args: LevelArgs) -> Result<ExitCode, Failure> {
    let request = LevelRequest { level: args.level.unwrap_or_default() };
    let reply = super::helper().await?.level(request).await.map_err(super::failed)?.into_inner();
    print(&view::logs::level(&reply, super::now()))?;
    Ok(ExitCode::SUCCESS)
}

async fn gather(args: GatherArgs) -> Result<ExitCode, Failure> {
    let path = args.output.unwrap_or_else(|| PathBuf::from(gather::default_name()));
    let question = Question {
        socket: &socket_path(),
        version: env!("CARGO_PKG_VERSION"),
        arguments: args.kubeconfig.into(),
        environment: &environment()?,
        manager_namespace: &args.manager.manager_namespace,
    };
    let mut progress = Progress::start();
    // Progress that nobody sees changes nothing of what is gathered.
    let bundle = gather::everything(&question, &path, |what| drop(progress.wait_for(what))).await?;
    drop(progress);
    print(&view::logs::describe(&path, bundle.entries(), bundle.missing()))?;
    Ok(ExitCode::SUCCESS)
}
