//! The cluster that the arguments mean, for every command that takes them.

use hawser_client::connecting::Cluster;
use hawser_client::kubeconfig::Environment;
use hawser_fault::{Code, Fault};

use crate::cli::KubeconfigArgs;

pub(crate) fn cluster(args: KubeconfigArgs) -> Result<Cluster, Fault> {
    Cluster::of(args.into(), environment()?)
}

/// What this process inherits from its user.
pub(crate) fn environment() -> Result<Environment, Fault> {
    Environment::of_this_process()
        .map_err(|error| Fault::new(Code::BadArgument, format!("there is no working directory: {error}")))
}
