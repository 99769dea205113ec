//! The helper: the privileged background service that ties this laptop to clusters.
//!
//! [`run`] wires the rooms together: `service` answers the user's programs, `connections` knows who has which
//! connection, `connection` is one of them as a state machine, `intercepts` keeps what comes from their clusters, and `machine` is the host that they change. The
//! packets themselves go through [`plane`], on a thread of their own.

#[cfg(not(target_os = "linux"))]
compile_error!("the helper's host side (netlink, sock_diag, TUN) is written for Linux only so far");

mod access;
mod address;
mod ask;
mod awareness;
pub mod cli;
mod conflict;
mod connection;
mod connections;
mod intercepts;
mod kubernetes;
mod level;
mod limits;
mod log;
mod machine;
#[cfg(test)]
mod namespace;
mod network;
mod owners;
mod placement;
pub mod plane;
mod predecessor;
mod process;
mod recent;
mod resolver;
mod routing;
mod service;
mod socket;
mod store;
mod systemd;

use std::process::ExitCode;

use hawser_fault::{Code, Fault};

use cli::{Args, Command};
use log::Log;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Ends with this (EX_CONFIG of sysexits(3)) where another start would find the same; the unit names it too.
const NO_RESTART: u8 = 78;

/// Does what the arguments say and returns when it is done; for the service that is when it is told to stop.
pub fn run(args: Args) -> ExitCode {
    // Else the allocator's huge pages keep megabytes resident of which kilobytes are used.
    let _ = nix::sys::prctl::set_thp_disable(true);
    let log = start_log();
    let outcome = match args.command {
        None => process::serve(args.options, log),
        Some(Command::Cleanup) => process::clean_up(&args.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            print(&fault);
            if fault.code == Code::StateNewer { ExitCode::from(NO_RESTART) } else { ExitCode::FAILURE }
        }
    }
}

/// Standard error goes to the journal under systemd, which has its own clock but not our levels.
fn start_log() -> Log {
    let (log, filter) = Log::new();
    // A program that embeds the helper may have its own log already.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.recent.clone()))
        .try_init();
    log
}

fn print(fault: &Fault) {
    eprintln!("error: {} [{}]\n  {}\n  fix: {}", fault.code.title(), fault.code, fault.detail, fault.fix);
}
