//! Arguments of `hawser-helper` and of `hawser helper`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// The privileged background service: owns devices, routes, names and the links to managers.
#[derive(Parser, Clone, Debug)]
#[command(name = "hawser-helper", version)]
pub struct Args {
    /// Where it listens and what it writes.
    #[command(flatten)]
    pub options: Options,
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Where the helper listens and what it writes.
#[derive(ClapArgs, Clone, Debug)]
pub struct Options {
    /// Unix socket for the command line and the desktop application
    #[arg(long, value_name = "PATH", default_value = "/run/hawser/helper.sock", global = true)]
    pub socket: PathBuf,
    /// Directory for keys, desired connections and the journal
    #[arg(long, value_name = "PATH", default_value = "/var/lib/hawser", global = true)]
    pub state_dir: PathBuf,
    /// The resolver's configuration
    #[arg(long, value_name = "PATH", default_value = "/etc/resolv.conf", global = true)]
    pub resolv_conf: PathBuf,
    /// How names of the cluster are brought to the host's resolver
    #[arg(long, value_name = "HOW", default_value = "auto", global = true)]
    pub dns: Dns,
    /// Group whose members may use the helper
    #[arg(long, value_name = "NAME", default_value = "hawser", global = true)]
    pub group: String,
}

/// How names of the cluster are brought to the host's resolver.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dns {
    /// As this host's resolver wants it: systemd-resolved, resolvconf or the file
    Auto,
    /// Change the file named by --resolv-conf
    ResolvConf,
    /// Leave the host's resolver alone
    Off,
}

/// Something else than serving.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Undo what a killed helper left changed on this host, then exit
    Cleanup,
}
