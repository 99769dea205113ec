//! Plugins as real programs: shell scripts in a directory of their own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hawser_fault::Fault;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kubeconfig::testing::{kubeconfig, script, selection};
use crate::kubeconfig::{Credential, Environment, Interaction, load};

/// The API that most plugins speak.
pub(super) const V1: &str = "client.authentication.k8s.io/v1";
/// Longer than any plugin here takes that is not meant to hang.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// A kubeconfig whose user has a plugin, and the user's environment.
pub(super) struct Bench {
    pub(super) directory: TempDir,
    environment: Environment,
}

impl Bench {
    /// `PATH` leads to the bench's own `bin`, where `plugin` is this script, and to the shell's tools.
    pub(super) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).unwrap();
        script(&bin.join("plugin"), text);
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let variables = [("PATH", path.as_str()), ("INHERITED", "yes"), ("OVERRIDDEN", "user's")];
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let environment = Environment { variables, directory: directory.path().to_owned() };
        Self { directory, environment }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) async fn run(&self, exec: &str, limit: Duration) -> Result<Credential, Fault> {
        self.run_with("{server: 'https://a'}", exec, Interaction::Unattended, limit).await
    }

    pub(super) async fn run_with(
        &self,
        cluster: &str,
        exec: &str,
        interaction: Interaction<'_>,
        limit: Duration,
    ) -> Result<Credential, Fault> {
        fs::write(self.path("config"), kubeconfig(cluster, &format!("{{exec: {exec}}}"))).unwrap();
        let access = load(&selection(&self.path("config")), &self.environment)?;
        access.credential(&self.environment, interaction, limit).await
    }
}

/// The entry of a plugin that never asks anything.
pub(super) fn exec(command: &str) -> String {
    format!("{{command: {command}, apiVersion: {V1}, interactiveMode: Never}}")
}

/// A script that prints an answer with this status.
pub(super) fn answering(status: &Value) -> String {
    printing(&json!({ "kind": "ExecCredential", "apiVersion": V1, "status": status }).to_string())
}

pub(super) fn printing(text: &str) -> String {
    format!("cat <<'END'\n{text}\nEND")
}
