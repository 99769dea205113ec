//! The probe: servers for the cluster, measuring clients for the laptop, each printing one line of JSON.

pub mod agent;
mod chaos;
mod dns;
pub mod flood;
mod many;
pub mod ports;
mod process;
mod server;
pub mod statistics;
mod tcp;
mod udp;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Servers and measuring clients for tests and benches.
#[derive(Debug, Parser)]
#[command(name = "probe")]
pub struct Probe {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs commands that arrive on standard input.
    Agent,
    /// All servers, on the cluster's addresses.
    Serve,
    /// Waits until an address takes connections.
    Wait { target: SocketAddr },
    /// Connects to a closed port: which error, how fast.
    Refused {
        target: SocketAddr,
        #[arg(long, default_value_t = 20)]
        count: usize,
    },
    /// Sends, closes its side, and expects everything back before the end.
    HalfClose {
        target: SocketAddr,
        #[arg(long, default_value_t = 1 << 20)]
        bytes: usize,
    },
    /// Expects a reset from a server that resets.
    ResetIn { target: SocketAddr },
    /// Resets a connection and asks the server how it ended.
    ResetOut { target: SocketAddr },
    /// Moves bytes up and down and compares checksums.
    Checksum { target: SocketAddr, up: u64, down: u64 },
    /// Request and answer of the same size, one at a time.
    PingPong {
        target: SocketAddr,
        #[arg(long, default_value_t = 1)]
        size: usize,
        #[arg(long, default_value_t = 2000)]
        count: usize,
        /// Pause between requests in microseconds.
        #[arg(long, default_value_t = 0)]
        pause: u64,
    },
    /// Bytes in one direction over one connection.
    Flood {
        target: SocketAddr,
        direction: flood::Direction,
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// A connection stays open, with a byte to and fro each 20 ms, until it breaks: how, and when.
    Linger {
        target: SocketAddr,
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// Tries a connection and one byte until it works: how long that took.
    Recover {
        target: SocketAddr,
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Fills a connection whose server does not read: how much is taken.
    Stall { target: SocketAddr },
    /// Many connects at once.
    Storm { target: SocketAddr, count: usize },
    /// Many open flows at rest: what they cost the helper.
    Idle {
        target: SocketAddr,
        count: usize,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Many short connections that end in every way there is.
    Churn { target: IpAddr, count: usize },
    /// Datagrams of several sizes to and fro.
    UdpSizes { target: SocketAddr, sizes: Vec<usize> },
    /// A datagram to a closed port.
    UdpRefused { target: SocketAddr },
    /// The highest rate of datagrams with almost no loss.
    UdpRate {
        target: SocketAddr,
        #[arg(long, default_value_t = 1200)]
        size: usize,
    },
    /// Asks a name again and again.
    Dns {
        name: String,
        /// Whom to ask; the first name server of /etc/resolv.conf unless given.
        #[arg(long)]
        server: Option<IpAddr>,
        #[arg(long, default_value_t = 1)]
        askers: usize,
        #[arg(long, default_value_t = 2)]
        seconds: u64,
    },
    /// What helper and manager use at the moment.
    Usage,
    /// Kills a process and starts it again with the same arguments.
    Respawn {
        pid: i32,
        /// How long it stays away in milliseconds.
        #[arg(long, default_value_t = 0)]
        away: u64,
    },
    /// Sends random bytes to a TCP port or a Unix socket over many connections.
    Garbage {
        #[arg(long)]
        tcp: Option<SocketAddr>,
        #[arg(long)]
        unix: Option<PathBuf>,
        #[arg(long, default_value_t = 200)]
        count: usize,
    },
}

impl Probe {
    /// Does what was asked.
    pub fn run(self) -> Result<()> {
        let report = match self.command {
            Command::Agent => return agent::run(),
            Command::Serve => return server::run(),
            Command::Wait { target } => tcp::wait(target)?,
            Command::Refused { target, count } => tcp::refused(target, count)?,
            Command::HalfClose { target, bytes } => tcp::half_close(target, bytes)?,
            Command::ResetIn { target } => tcp::reset_in(target)?,
            Command::ResetOut { target } => tcp::reset_out(target)?,
            Command::Checksum { target, up, down } => tcp::checksum(target, up, down)?,
            Command::PingPong { target, size, count, pause } => tcp::ping_pong(target, size, count, pause)?,
            Command::Flood { target, direction, seconds } => tcp::flood(target, direction, seconds)?,
            Command::Linger { target, seconds } => tcp::linger(target, seconds)?,
            Command::Recover { target, seconds } => tcp::recover(target, seconds)?,
            Command::Stall { target } => tcp::stall(target)?,
            Command::Storm { target, count } => many::storm(target, count)?,
            Command::Idle { target, count, seconds } => many::idle(target, count, seconds)?,
            Command::Churn { target, count } => many::churn(target, count)?,
            Command::UdpSizes { target, sizes } => udp::sizes(target, &sizes)?,
            Command::UdpRefused { target } => udp::refused(target)?,
            Command::UdpRate { target, size } => udp::rate(target, size)?,
            Command::Dns { name, server, askers, seconds } => dns::ask(&name, server, askers, seconds)?,
            Command::Usage => process::usage()?,
            Command::Respawn { pid, away } => process::respawn(pid, away)?,
            Command::Garbage { tcp, unix, count } => chaos::garbage(tcp, unix, count)?,
        };
        println!("{report}");
        Ok(())
    }
}
