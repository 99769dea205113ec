//! `hawser`, the command line: a view of what the helper knows, and the demo.

mod cli;
mod commands;
mod demo;
mod json;
mod output;
mod view;

use std::io;
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use output::Failure;

/// The helper runs inside this program too (`hawser helper`), and its data plane makes many small blocks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let json = command.json();
    match run(command) {
        Ok(code) => code,
        Err(Failure::Fault(fault)) => {
            // Nothing is left to tell anybody if even this can't be written.
            let _ = output::fault::report(&fault, json);
            ExitCode::FAILURE
        }
        // The reader of our output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(_)) => ExitCode::FAILURE,
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        // The demo enters namespaces, which a process can do only while it has one thread.
        Command::Demo(args) => Ok(demo::run(args)),
        Command::List(args) => commands::block_on(commands::list::run(args)),
        Command::Intercept(args) => commands::block_on(commands::intercept::run(args.into())),
        Command::Wiretap(args) => commands::block_on(commands::intercept::run(args.into())),
        Command::Replace(args) => commands::block_on(commands::intercept::run(args.into())),
        Command::Ingest(args) => commands::block_on(commands::intercept::run(args.into())),
        Command::Leave(args) => commands::block_on(commands::leave::run(args)),
        Command::Extend(args) => commands::block_on(commands::extend::run(args)),
        Command::Agent(args) => commands::block_on(commands::agent::run(args)),
        Command::Cluster(args) => commands::block_on(commands::cluster::run(args)),
        Command::Login(args) => commands::block_on(commands::login::run(args)),
        Command::Companion => commands::block_on(commands::companion::run()),
        Command::Helper(args) => Ok(hawser_helper::run(args)),
        Command::Manager(args) => Ok(hawser_manager::run(args)),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
        Command::Connect(args) => commands::block_on(commands::connect::run(args)),
        Command::Disconnect(args) => commands::block_on(commands::disconnect::run(args)),
        Command::Status(args) => commands::block_on(commands::status::run(args)),
        Command::Queries(args) => commands::block_on(commands::queries::run(args)),
        Command::Flows(args) => commands::block_on(commands::flows::run(args)),
        Command::Doctor(args) => commands::block_on(commands::doctor::run(args)),
        Command::Logs(args) => commands::block_on(commands::logs::run(args)),
        Command::Key(args) => commands::block_on(commands::key::run(args)),
    }
}
