//! The traffic-manager: ends the tunnels of laptops, dials and resolves for them.
//!
//! [`cluster::Cluster`] is what it knows of the world it stands in; [`standalone`] is that world read from a file. A laptop's
//! link becomes a [`session::Session`], which turns flows into sockets.

pub mod cli;
pub mod cluster;
mod config;
pub mod limits;
mod server;
pub mod session;
pub mod standalone;

use std::process::ExitCode;
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use tracing_subscriber::EnvFilter;

use cli::{Args, Command};

/// Runs the manager until it is told to stop.
pub fn run(args: Args) -> ExitCode {
    match main(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!(
                "error: {}\n  {}\n  fix: {}\n  code: {}",
                fault.code.title(),
                fault.detail,
                fault.fix,
                fault.code
            );
            ExitCode::FAILURE
        }
    }
}

fn main(args: Args) -> Result<(), Fault> {
    let file = match &args.command {
        Some(Command::Key { standalone }) => standalone,
        None => args.standalone.as_ref().ok_or_else(|| {
            Fault::new(Code::BadArgument, "no world to serve was given").with_fix("Give one with: --standalone FILE")
        })?,
    };
    let config = config::Config::read(file)?;
    let identity = Arc::new(config.identity()?);
    if args.command.is_some() {
        println!("{}", identity.pin());
        return Ok(());
    }
    let cluster = Arc::new(standalone::Standalone::new(&config)?);
    if args.check {
        println!("{} is fine", file.display());
        return Ok(());
    }
    log();
    server::run(config.listen, &identity, cluster)
}

fn log() {
    let filter = EnvFilter::try_from_env("HAWSER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // A second call in one process (the demo's tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
