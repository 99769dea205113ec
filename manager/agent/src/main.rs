//! The sidecar of an intercepted pod. See the README.

mod app;
mod board;
mod drain;
mod files;
mod frames;
mod gate;
mod http;
mod limits;
mod link;
mod managers;
mod pass;
mod proof;
mod redirect;
mod registration;
mod requests;
mod resolver;
mod tap;
mod tcp;
mod udp;

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use hawser_tunnel::agent::{CONFIG, Config, POD_IP};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use board::Board;

fn main() -> ExitCode {
    // Else the allocator's huge pages keep megabytes resident of which kilobytes are used.
    let _ = nix::sys::prctl::set_thp_disable(true);
    let filter = EnvFilter::try_from_env("HAWSER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        None => run(),
        Some("idle") => idle(),
        Some("redirect") => redirect(arguments),
        Some(other) => Err(format!("{other:?} is nothing that an agent does")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the agent cannot work");
            ExitCode::FAILURE
        }
    }
}

/// Stands in for a program that does not run.
fn idle() -> Result<(), String> {
    runtime()?.block_on(terminated())
}

/// Hands ports over, in a container that ends when it is done.
fn redirect(rules: impl Iterator<Item = String>) -> Result<(), String> {
    let rules = rules.map(|rule| rule.parse()).collect::<Result<Vec<_>, _>>()?;
    redirect::apply(&rules).map_err(|error| format!("the kernel takes no rules of nftables: {error}"))
}

fn run() -> Result<(), String> {
    let text =
        std::env::var(CONFIG).map_err(|_| format!("{CONFIG} is not set: the agent is added to pods by the manager"))?;
    let config: Config = serde_json::from_str(&text).map_err(|error| format!("{CONFIG}: {error}"))?;
    let pod: IpAddr = std::env::var(POD_IP)
        .ok()
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| format!("{POD_IP} is not set to the pod's address"))?;
    runtime()?.block_on(serve(Arc::new(config), pod))
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime could be started: {error}"))
}

async fn terminated() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    terminate.recv().await;
    Ok(())
}

async fn serve(config: Arc<Config>, pod: IpAddr) -> Result<(), String> {
    let board = Arc::new(Board::default());
    let (mut apps, mut passing) = (Vec::new(), Vec::new());
    for port in &config.ports {
        let app = app::App { address: (pod, port.app).into() };
        let failed = |error: std::io::Error| format!("port {}: {error}", port.listen);
        if port.udp {
            udp::listen(port, app, board.clone()).await.map_err(failed)?;
        } else {
            passing.push(tcp::listen(port, app, board.clone()).map_err(failed)?);
            apps.push(app.address);
        }
    }
    tokio::spawn(managers::follow(config, board.clone()));
    terminated().await?;
    tracing::info!("stopping");
    drain::wait(&apps, &passing, &board).await;
    Ok(())
}
