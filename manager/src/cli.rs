//! The manager's arguments.

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
