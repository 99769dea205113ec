//! What can be typed after `hawser agent`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hawser_client::install::DEFAULT_IMAGE;

use super::KubeconfigArgs;
use super::cluster::ManagerArgs;

/// The traffic-agent of intercepted pods
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    #[command(subcommand)]
    pub(crate) command: AgentCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum AgentCommand {
    Inject(InjectArgs),
}

/// Print a manifest with the agent in it, for clusters whose manifests are kept in git
///
/// Every Deployment, StatefulSet and ReplicaSet of the file gets the agent; what has one already and all other documents are printed
/// as they are. Ports with a name are handed over; one that services in the file know by number only with --port.
///
/// The cluster is asked for the agent's settings by creating a pod as a server-side dry run, which takes the right to create pods and
/// makes nothing. With --authority no cluster is asked: the settings are those of the arguments.
///
/// The manager's authority stands in the manifest and is followed by another one now and then: print it anew at least once a year.
#[derive(Args, Debug)]
pub(crate) struct InjectArgs {
    /// The manifest, YAML or JSON; - for standard input
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) from_file: PathBuf,
    /// Hand this port over too, by its number: NUMBER or NUMBER/udp; may be repeated. Its init container needs NET_ADMIN
    #[arg(long, short, value_name = "PORT", value_parser = port)]
    pub(crate) port: Vec<(u16, bool)>,
    /// File with the manager's authority in PEM: ca.crt of the Secret hawser-manager in the manager's namespace
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kubeconfig", "context", "namespace", "as_user", "as_group", "as_uid"])]
    pub(crate) authority: Option<PathBuf>,
    /// Image of the agent, with --authority
    #[arg(long, value_name = "REPO:TAG", default_value = DEFAULT_IMAGE, requires = "authority")]
    pub(crate) image: String,
    /// Add an ordinary container instead of a native sidecar, for Kubernetes older than 1.32; with --authority
    #[arg(long, requires = "authority")]
    pub(crate) no_native_sidecar: bool,
    #[command(flatten)]
    pub(crate) manager: ManagerArgs,
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigArgs,
}

fn port(text: &str) -> Result<(u16, bool), String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let udp = match protocol {
        "tcp" => false,
        "udp" => true,
        other => return Err(format!("{other:?} is neither tcp nor udp")),
    };
    match number.parse() {
        Ok(0) | Err(_) => Err(format!("{number:?} is no port")),
        Ok(number) => Ok((number, udp)),
    }
}
