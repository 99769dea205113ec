//! The traffic-manager: ends the tunnels of laptops, dials and resolves for them.
//!
//! [`cluster::Cluster`] is what it knows of the world it stands in; [`standalone`] is that world read from a file. A laptop's
//! link becomes a [`session::Session`], which turns flows into sockets.

mod changes;
pub mod cli;
pub mod cluster;
mod config;
pub mod exchange;
pub mod injection;
mod intercepts;
pub mod kubernetes;
mod laptops;
pub mod limits;
mod metrics;
mod observe;
mod resolver;
mod server;
pub mod session;
pub mod standalone;

use std::process::ExitCode;
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::Identity;
use tracing_subscriber::EnvFilter;

use cli::{Args, Command};

/// Runs the manager until it is told to stop.
pub fn run(args: Args) -> ExitCode {
    // Else the allocator's huge pages keep megabytes resident of which kilobytes are used.
    let _ = nix::sys::prctl::set_thp_disable(true);
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
    if args.kubernetes {
        return in_kubernetes(&args);
    }
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
    let _ = log().try_init();
    server::runtime()?.block_on(server::serve(config.listen, &identity, cluster, Arc::default(), None))
}

/// Serves the cluster that this process is a pod of.
fn in_kubernetes(args: &Args) -> Result<(), Fault> {
    let _ = log().json().flatten_event(true).try_init();
    let settings = kubernetes::Settings::read(&args.config)?;
    let place = kubernetes::Place::from_environment(args.listen.port())?;
    let identity = Identity::generate().map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
    server::runtime()?.block_on(async {
        let exchange = Arc::new(exchange::Exchange::default());
        let cluster = Arc::new(
            kubernetes::Kubernetes::start(settings, place, identity.pin(), args.webhook, exchange.clone()).await?,
        );
        let health = cluster.clone();
        observe::serve(args.observe, move || health.is_ready()).await?;
        let agents = cluster.agent_door(args.agents)?;
        server::serve(args.listen, &identity, cluster, exchange, Some(agents)).await
    })
}

fn log() -> tracing_subscriber::fmt::SubscriberBuilder<
    tracing_subscriber::fmt::format::DefaultFields,
    tracing_subscriber::fmt::format::Format,
    EnvFilter,
    fn() -> std::io::Stderr,
> {
    let filter = EnvFilter::try_from_env("HAWSER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr)
}
