//! `hawser agent`.

mod inject;
mod settings;

use std::process::ExitCode;

use crate::cli::agent::{AgentArgs, AgentCommand};
use crate::output::Failure;

pub(crate) async fn run(args: AgentArgs) -> Result<ExitCode, Failure> {
    match args.command {
        AgentCommand::Inject(args) => inject::run(args).await,
    }
}
