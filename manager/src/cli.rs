//! The manager's arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The traffic-manager of Hawser
#[derive(Debug, Parser)]
#[command(name = "hawser-manager", version)]
pub struct Args {
    /// What the manager is to do, if not to serve
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Serve the world that this TOML file describes
    #[arg(long, value_name = "FILE")]
    pub standalone: Option<PathBuf>,
    /// Serve the Kubernetes cluster that this process is a pod of
    #[arg(long, conflicts_with_all = ["standalone", "check"])]
    pub kubernetes: bool,
    /// The chart's configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/hawser/config.json", requires = "kubernetes")]
    pub config: PathBuf,
    /// Where laptops come in
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:7300", requires = "kubernetes")]
    pub listen: SocketAddr,
    /// Where the API server asks about new pods, over HTTPS
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8443", requires = "kubernetes")]
    pub webhook: SocketAddr,
    /// Where agents come in
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:7301", requires = "kubernetes")]
    pub agents: SocketAddr,
    /// Where health and metrics are asked for, over plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8081", requires = "kubernetes")]
    pub observe: SocketAddr,
    /// Read the file, say whether it is fine, and end
    #[arg(long)]
    pub check: bool,
}

/// Other things than serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the pin of the manager's key, which is made if it is not there
    Key {
        /// The manager's TOML file
        #[arg(long, value_name = "FILE")]
        standalone: PathBuf,
    },
}
