//! `hawser completions`.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::output::{Failure, print};

pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    // Not written to the pipe directly: the generator panics if that breaks.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hawser", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
