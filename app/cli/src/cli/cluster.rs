//! What can be typed after `hawser cluster`.

use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use hawser_client::install::{DEFAULT_IMAGE, Options};

use super::KubeconfigArgs;

/// Put the traffic manager into a cluster, bring it up to date, or take it out
#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    pub(crate) command: ClusterCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ClusterCommand {
    /// Install the traffic manager, after showing which rights that gives
    Install(InstallArgs),
    /// Bring the traffic manager to this version, after showing which rights change
    Upgrade(InstallArgs),
    /// Take everything of Hawser out of the cluster, after showing what that is
    Uninstall(UninstallArgs),
    /// Print what install would apply, as YAML
    Manifests(ManifestsArgs),
}

#[derive(Args, Debug)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) manifests: ManifestsArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct UninstallArgs {
    #[command(flatten)]
    pub(crate) manager: ManagerArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ManifestsArgs {
    #[command(flatten)]
    pub(crate) manager: ManagerArgs,
    /// Image of the traffic manager
    #[arg(long, value_name = "REPO:TAG", default_value = DEFAULT_IMAGE)]
    pub(crate) image: String,
    /// Managers that run at once; 2 if there are none yet
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    pub(crate) replicas: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct ManagerArgs {
    /// Namespace of the traffic manager
    #[arg(long, value_name = "NAMESPACE", env = "HAWSER_MANAGER_NAMESPACE", default_value = "hawser")]
    pub(crate) manager_namespace: String,
}

/// How a cluster is changed.
#[derive(Args, Debug)]
#[command(mut_arg("namespace", |argument| argument.hide(true)))]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigArgs,
    /// Don't ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long to wait until it is done
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = RangedU64ValueParser::<u64>::new().range(1..=3600))]
    timeout: u64,
}

impl ChangeArgs {
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

impl From<ManifestsArgs> for Options {
    fn from(args: ManifestsArgs) -> Self {
        Self { namespace: args.manager.manager_namespace, image: args.image, replicas: args.replicas }
    }
}
