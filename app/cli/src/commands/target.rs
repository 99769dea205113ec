//! The cluster that the arguments mean, for every command that takes them.

use std::time::Duration;

use hawser_client::kubeconfig::{self, Access, Environment, Interaction, Selection};
use hawser_fault::{Code, Fault};
use hawser_kube::Api;

use crate::cli::KubeconfigArgs;

/// How long somebody may take to log in.
pub(crate) const LOGIN_TIME: Duration = Duration::from_secs(300);

/// A cluster, and what is needed to find the way into it again.
pub(crate) struct Cluster {
    pub(crate) access: Access,
    /// Means this cluster whatever becomes of the kubeconfig's current context.
    pub(crate) selection: Selection,
    pub(crate) environment: Environment,
}

impl Cluster {
    pub(crate) fn of(args: KubeconfigArgs) -> Result<Self, Fault> {
        let environment = environment()?;
        let selection = Selection::new(args.into(), &environment)?;
        let access = kubeconfig::load(&selection, &environment)?;
        let selection = access.pin(&selection);
        Ok(Self { access, selection, environment })
    }

    /// The API server as this user sees it.
    pub(crate) async fn api(&self, interaction: Interaction) -> Result<Api, Fault> {
        self.access.api(&self.environment, interaction, LOGIN_TIME).await
    }

    /// The context's name with what a connection's name cannot have replaced.
    pub(crate) fn name(&self) -> String {
        name_of(&self.access.context)
    }

    /// Host and port of the API server.
    pub(crate) fn server(&self) -> String {
        let url = &self.access.cluster.server;
        let port = url.port_or_known_default().unwrap_or(443);
        format!("{}:{port}", url.host_str().unwrap_or_default())
    }
}

/// What this process inherits from its user.
pub(crate) fn environment() -> Result<Environment, Fault> {
    Environment::of_this_process()
        .map_err(|error| Fault::new(Code::BadArgument, format!("there is no working directory: {error}")))
}

fn name_of(context: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut name: String = context.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    // A cloud's context says what it is at its end: arn:aws:eks:eu-west-1:1234:cluster/shop.
    if name.len() > 64 {
        name.drain(..name.len() - 64);
    }
    let name = name.trim_start_matches('-');
    if name.is_empty() { "cluster".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_has_a_name() {
        assert_eq!(name_of("kind-dev"), "kind-dev");
        assert_eq!(name_of("arn:aws:eks:eu-west-1:1234:cluster/shop"), "arn-aws-eks-eu-west-1-1234-cluster-shop");
        assert_eq!(name_of("-ä/!"), "cluster");
        assert_eq!(name_of(&format!("{}shop", "x".repeat(99))).len(), 64);
    }
}
