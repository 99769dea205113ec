//! What is asked of the helper so that it connects.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::connect_request::Target;
use hawser_ipc::proto::{self, ConnectRequest, Kubernetes};
use hawser_kube::Api;

use crate::Standalone;
use crate::companion::Handover;
use crate::kubeconfig::limits::MOST_FILES;
use crate::kubeconfig::{self, Access, Arguments, Credential, Environment, Interaction, Selection};
use crate::secrets::Login;

/// How long somebody may take to log in.
pub const LOGIN_TIME: Duration = Duration::from_secs(300);

/// A cluster, and what is needed to find the way into it again.
pub struct Cluster {
    /// The way into it.
    pub access: Access,
    /// Means this cluster whatever becomes of the kubeconfig's current context.
    pub selection: Selection,
    /// The user's.
    pub environment: Environment,
}

/// What somebody wants of a connection besides where it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What to call it; after the context or the file if it is `None`.
    pub name: Option<String>,
    /// Where the manager is; of a cluster.
    pub manager_namespace: String,
    /// Subnets besides the cluster's, as CIDR.
    pub also_proxy: Vec<String>,
    /// Subnets that stay out, as CIDR.
    pub never_proxy: Vec<String>,
}

impl Cluster {
    /// The cluster that these arguments mean.
    ///
    /// # Errors
    /// As [`Selection::new`] and [`Cluster::selected`].
    pub fn of(arguments: Arguments, environment: Environment) -> Result<Self, Fault> {
        let selection = Selection::new(arguments, &environment)?;
        Self::selected(&selection, environment)
    }

    /// The cluster that is selected.
    ///
    /// # Errors
    /// As [`kubeconfig::load`].
    pub fn selected(selection: &Selection, environment: Environment) -> Result<Self, Fault> {
        let access = kubeconfig::load(selection, &environment)?;
        let selection = access.pin(selection);
        Ok(Self { access, selection, environment })
    }

    /// The API server as this user sees it.
    ///
    /// # Errors
    /// Those of obtaining the credential.
    pub async fn api(&self, interaction: Interaction<'_>) -> Result<Api, Fault> {
        self.access.api(&self.environment, interaction, LOGIN_TIME).await
    }

    /// The context's name with what a connection's name cannot have replaced.
    pub fn name(&self) -> String {
        name_of_context(&self.access.context)
    }

    /// Host and port of the API server.
    pub fn server(&self) -> String {
        kubeconfig::host_and_port(&self.access.cluster.server)
    }

    /// What the companion has to know before the helper is asked.
    pub fn handover(&self, connection: &str) -> Handover {
        Handover { connection: connection.to_owned(), environment: self.environment.clone(), login: None }
    }

    /// The same, with what the user has just logged in with.
    pub fn logged_in(&self, connection: &str, credential: Credential) -> Handover {
        Handover { login: Login::of(&self.access, credential), ..self.handover(connection) }
    }

    /// What is asked of the helper.
    ///
    /// # Errors
    /// `internal`.
    pub fn request(&self, wanted: Wanted) -> Result<ConnectRequest, Fault> {
        let profile = serde_json::to_string(&self.selection)
            .map_err(|error| Fault::new(Code::Internal, format!("the profile cannot be written: {error}")))?;
        let target = Kubernetes {
            profile,
            server: self.server(),
            context: self.access.context.clone(),
            namespace: self.access.namespace.clone(),
            manager_namespace: wanted.manager_namespace,
            also_proxy: wanted.also_proxy,
            never_proxy: wanted.never_proxy,
        };
        let name = wanted.name.unwrap_or_else(|| self.name());
        Ok(ConnectRequest { name, target: Some(Target::Kubernetes(target)) })
    }
}

/// What is asked of the helper for a manager without Kubernetes; the connection is called like the file unless it has a name.
///
/// # Errors
/// As [`Standalone::read`]; `bad-argument` if the file's name is no name.
pub fn standalone(file: &Path, wanted: Wanted) -> Result<ConnectRequest, Fault> {
    let Standalone { address, pin } = Standalone::read(file)?;
    let Wanted { name, also_proxy, never_proxy, .. } = wanted;
    let name = name.map_or_else(|| name_of_file(file), Ok)?;
    let target = proto::Standalone { address, pin, also_proxy, never_proxy };
    Ok(ConnectRequest { name, target: Some(Target::Standalone(target)) })
}

/// What a connection to this context is called unless somebody says otherwise.
pub fn name_of_context(context: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut name: String = context.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    // A cloud's context says what it is at its end: arn:aws:eks:eu-west-1:1234:cluster/shop.
    if name.len() > 64 {
        name.drain(..name.len() - 64);
    }
    let name = name.trim_start_matches('-');
    if name.is_empty() { "cluster".to_owned() } else { name.to_owned() }
}

/// The file's name without its ending.
///
/// # Errors
/// `bad-argument`.
pub fn name_of_file(file: &Path) -> Result<String, Fault> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let unnamed = || {
        Fault::new(Code::BadArgument, format!("the file {} has no name that a connection could take", file.display()))
            .with_fix("Name the connection with: --name NAME")
    };
    stem.map(str::to_owned).ok_or_else(unnamed)
}

/// A manager without Kubernetes that the user has a file of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The file.
    pub file: PathBuf,
    /// `host:port`.
    pub address: String,
}

/// Where the user's files of managers are: `$XDG_CONFIG_HOME/hawser/managers`.
pub fn managers_folder(environment: &Environment) -> Option<PathBuf> {
    Some(environment.config_folder()?.join("hawser/managers"))
}

/// The user's managers without Kubernetes, in the order of names, and what could not be read.
pub fn managers(environment: &Environment) -> (Vec<Manager>, Vec<Fault>) {
    let folder = managers_folder(environment).map(fs::read_dir);
    let entries = folder.into_iter().flatten().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files.truncate(MOST_FILES);
    let (mut managers, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        match Standalone::read(&file) {
            Ok(standalone) => managers.push(Manager { file, address: standalone.address }),
            Err(fault) => faults.push(fault),
        }
    }
    (managers, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_has_a_name() {
        assert_eq!(name_of_context("kind-dev"), "kind-dev");
        assert_eq!(
            name_of_context("arn:aws:eks:eu-west-1:1234:cluster/shop"),
            "arn-aws-eks-eu-west-1-1234-cluster-shop"
        );
        assert_eq!(name_of_context("-ä/!"), "cluster");
        assert_eq!(name_of_context(&format!("{}shop", "x".repeat(99))).len(), 64);
    }

    #[test]
    fn a_connection_is_called_like_its_file() {
        assert_eq!(name_of_file(Path::new("/etc/hawser/shop.toml")).unwrap(), "shop");
        assert_eq!(name_of_file(Path::new("shop")).unwrap(), "shop");
        assert_eq!(name_of_file(Path::new("/")).unwrap_err().code, Code::BadArgument);
    }

    #[test]
    fn a_manager_without_kubernetes_has_subnets_of_choice_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("office.toml");
        fs::write(&file, format!("manager = \"10.0.0.1:7300\"\npin = \"sha256:{}\"\n", "0".repeat(64))).unwrap();
        let wanted = Wanted { never_proxy: vec!["10.1.0.0/16".to_owned()], ..Wanted::default() };
        let request = standalone(&file, wanted).unwrap();
        let Some(Target::Standalone(target)) = request.target else { panic!("another target") };
        assert_eq!((request.name.as_str(), target.address.as_str()), ("office", "10.0.0.1:7300"));
        assert_eq!((target.also_proxy.len(), target.never_proxy), (0, vec!["10.1.0.0/16".to_owned()]));
    }

    #[test]
    fn managers_are_found_and_a_bad_file_hides_none() {
        let config = tempfile::tempdir().unwrap();
        let environment =
            Environment { variables: [("XDG_CONFIG_HOME".into(), config.path().into())].into(), directory: "/".into() };
        assert_eq!(managers(&environment), (Vec::new(), Vec::new()));
        let folder = managers_folder(&environment).unwrap();
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("demo.toml");
        fs::write(&file, format!("manager = \"10.0.0.1:7300\"\npin = \"sha256:{}\"\n", "0".repeat(64))).unwrap();
        fs::write(folder.join("bad.toml"), "manager = 1").unwrap();
        fs::write(folder.join("notes"), "x").unwrap();
        let (managers, faults) = managers(&environment);
        assert_eq!(managers, [Manager { file, address: "10.0.0.1:7300".to_owned() }]);
        assert_eq!(faults.len(), 1);
    }
}
