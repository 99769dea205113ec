//! The desired state: which connections and intercepts their users want, whatever the world makes of it.

use std::path::PathBuf;

use hawser_fault::{Code, Fault};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::intercepts::Intercept;
use super::{files, unwritable};

/// One connection that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Who wants it.
    pub id: Id,
    /// Where to.
    pub target: Target,
    /// Which device and addresses it has; they stay the same over a restart.
    pub index: u16,
}

/// What a connection is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// User id of the owner.
    pub owner: u32,
    /// Name among the owner's connections.
    pub name: String,
}

impl Id {
    /// What names of the connection's cluster can be told apart by; empty if the connection is called what no domain is.
    pub fn suffix(&self) -> String {
        let name = self.name.to_ascii_lowercase();
        if hawser_dns::is_domain(&name) { name } else { String::new() }
    }
}

/// Where a connection goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A manager with a file in place of a cluster.
    Standalone {
        /// Host and port.
        address: String,
        /// `sha256:` and 64 hexadecimal digits.
        pin: String,
        /// More to route to it.
        #[serde(default)]
        also_proxy: Vec<IpNet>,
        /// What stays on the laptop.
        #[serde(default)]
        never_proxy: Vec<IpNet>,
    },
    /// A manager in a Kubernetes cluster.
    Kubernetes(Kubernetes),
}

/// A cluster as its user chose it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kubernetes {
    /// What the user's companion needs to find the credential; nothing to the helper.
    pub profile: String,
    /// Host and port of the API server, for people.
    pub server: String,
    /// The context's name, for people.
    pub context: String,
    /// Single labels are services of it.
    pub namespace: String,
    /// Where the manager is.
    pub manager_namespace: String,
    /// More to route to the cluster.
    pub also_proxy: Vec<IpNet>,
    /// What stays on the laptop.
    pub never_proxy: Vec<IpNet>,
}

impl Target {
    /// Where it is, for people.
    pub fn address(&self) -> &str {
        match self {
            Self::Standalone { address, .. } => address,
            Self::Kubernetes(cluster) => &cluster.server,
        }
    }

    /// What the user wants to have routed, and what not.
    pub fn routing(&self) -> Routing {
        match self {
            Self::Standalone { also_proxy: also, never_proxy: never, .. }
            | Self::Kubernetes(Kubernetes { also_proxy: also, never_proxy: never, .. }) => {
                Routing { also: also.clone(), never: never.clone() }
            }
        }
    }

    /// The same place with other subnets of the user's choice.
    pub fn routed(mut self, routing: Routing) -> Self {
        match &mut self {
            Self::Standalone { also_proxy: also, never_proxy: never, .. }
            | Self::Kubernetes(Kubernetes { also_proxy: also, never_proxy: never, .. }) => {
                (*also, *never) = (routing.also, routing.never);
            }
        }
        self
    }
}

/// What a user wants to have routed to a cluster, and what not, beyond what the manager says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// Routed too.
    pub also: Vec<IpNet>,
    /// Stays on the laptop.
    pub never: Vec<IpNet>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Content {
    connections: Vec<Wish>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    intercepts: Vec<Intercept>,
    /// Wanted no more, and not known to be gone from their clusters.
    #[serde(default)]
    leaving: Vec<Wish>,
}

/// The wishes and their file; what is in memory is what is on the disk.
pub struct Desired {
    path: PathBuf,
    content: Content,
}

impl Desired {
    /// Reads the file. A damaged one is set aside with a warning: connections can be asked for again, a helper that does
    /// not start could not even do that.
    pub fn load(path: PathBuf) -> Self {
        let content = files::read(&path).and_then(|content| match content {
            Some(content) => Ok(serde_json::from_slice::<Content>(&content)?),
            None => Ok(Content::default()),
        });
        let content = content.unwrap_or_else(|error| {
            let aside = files::set_aside(&path);
            tracing::warn!(path = %path.display(), %error, ?aside, "desired connections are unreadable");
            Content::default()
        });
        Self { path, content }
    }

    /// Every wish, in the order in which they were made.
    pub fn wishes(&self) -> &[Wish] {
        &self.content.connections
    }

    /// Every wished intercept, in the order in which they were made.
    pub fn intercepts(&self) -> &[Intercept] {
        &self.content.intercepts
    }

    /// Those that are wanted no more, and may have left something in their clusters.
    pub fn leaving(&self) -> &[Wish] {
        &self.content.leaving
    }

    /// Adds a wish, or replaces the one of the same id.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn add(&mut self, wish: Wish) -> Result<(), Fault> {
        let mut content = self.content.clone();
        content.connections.retain(|other| other.id != wish.id);
        content.leaving.retain(|other| other.id != wish.id);
        content.connections.push(wish);
        self.write(content)
    }

    /// Changes what a wished connection routes. One that is not there is no error.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn reroute(&mut self, id: &Id, routing: Routing) -> Result<(), Fault> {
        let mut content = self.content.clone();
        let Some(wish) = content.connections.iter_mut().find(|wish| wish.id == *id) else { return Ok(()) };
        wish.target = wish.target.clone().routed(routing);
        self.write(content)
    }

    /// Removes a wish, and with it the intercepts of its connection; one for a cluster is leaving from now on. One that is not there
    /// is no error.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn remove(&mut self, id: &Id) -> Result<(), Fault> {
        let mut content = self.content.clone();
        let gone: Vec<Wish> = content.connections.extract_if(.., |wish| wish.id == *id).collect();
        if gone.is_empty() {
            return Ok(());
        }
        content.intercepts.retain(|intercept| intercept.connection != *id);
        content.leaving.extend(gone.into_iter().filter(|wish| matches!(wish.target, Target::Kubernetes(_))));
        self.write(content)
    }

    /// Adds an intercept, or replaces the one of the same connection and name.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn add_intercept(&mut self, intercept: Intercept) -> Result<(), Fault> {
        let mut content = self.content.clone();
        match content.intercepts.iter_mut().find(|other| other.is(&intercept.connection, &intercept.name)) {
            Some(present) => *present = intercept,
            None => content.intercepts.push(intercept),
        }
        self.write(content)
    }

    /// Changes an intercept. Says whether it is there.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn change_intercept(
        &mut self,
        connection: &Id,
        name: &str,
        change: impl FnOnce(&mut Intercept),
    ) -> Result<bool, Fault> {
        let mut content = self.content.clone();
        let Some(intercept) = content.intercepts.iter_mut().find(|intercept| intercept.is(connection, name)) else {
            return Ok(false);
        };
        change(intercept);
        self.write(content)?;
        Ok(true)
    }

    /// Removes an intercept. One that is not there is no error.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn remove_intercept(&mut self, connection: &Id, name: &str) -> Result<(), Fault> {
        if !self.intercepts().iter().any(|intercept| intercept.is(connection, name)) {
            return Ok(());
        }
        let mut content = self.content.clone();
        content.intercepts.retain(|intercept| !intercept.is(connection, name));
        self.write(content)
    }

    /// Nothing of it is left. One that is not leaving is no error.
    ///
    /// # Errors
    /// `state-unwritable`; then nothing has changed.
    pub fn has_left(&mut self, id: &Id) -> Result<(), Fault> {
        let mut content = self.content.clone();
        content.leaving.retain(|wish| wish.id != *id);
        if content.leaving.len() == self.content.leaving.len() { Ok(()) } else { self.write(content) }
    }

    fn write(&mut self, content: Content) -> Result<(), Fault> {
        let json = serde_json::to_vec_pretty(&content)
            .map_err(|error| Fault::new(Code::Internal, format!("desired connections cannot be written: {error}")))?;
        files::replace(&self.path, &json).map_err(|error| unwritable(&self.path, &error))?;
        self.content = content;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::intercepts::tests::intercept;
    use super::*;

    fn wish(name: &str, index: u16) -> Wish {
        let target = Target::Standalone {
            address: "192.0.2.1:7300".to_owned(),
            pin: "sha256:00".to_owned(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        };
        Wish { id: Id { owner: 1000, name: name.to_owned() }, target, index }
    }

    #[test]
    fn survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desired.json");
        let mut desired = Desired::load(path.clone());
        desired.add(wish("a", 0)).unwrap();
        desired.add(wish("b", 1)).unwrap();
        desired.add(wish("a", 2)).unwrap();
        assert_eq!(Desired::load(path.clone()).wishes(), [wish("b", 1), wish("a", 2)]);
        desired.remove(&wish("b", 1).id).unwrap();
        desired.remove(&wish("c", 1).id).unwrap();
        assert_eq!(Desired::load(path).wishes(), [wish("a", 2)]);
    }

    #[test]
    fn other_subnets_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desired.json");
        let mut desired = Desired::load(path.clone());
        desired.add(wish("a", 0)).unwrap();
        desired.add(wish("b", 1)).unwrap();
        let routing =
            Routing { also: vec!["10.1.0.0/16".parse().unwrap()], never: vec!["10.2.0.0/16".parse().unwrap()] };
        desired.reroute(&wish("b", 1).id, routing.clone()).unwrap();
        desired.reroute(&wish("c", 1).id, routing.clone()).unwrap();
        let kept = Desired::load(path.clone());
        let routings: Vec<Routing> = kept.wishes().iter().map(|wish| wish.target.routing()).collect();
        assert_eq!(routings, [Routing::default(), routing]);
        // As it was written before a manager without Kubernetes had such lists.
        let plain = r#"{"connections":[{"id":{"owner":1,"name":"a"},"target":{"standalone":{"address":"a:1","pin":"p"}},"index":0}]}"#;
        std::fs::write(&path, plain).unwrap();
        assert_eq!(Desired::load(path).wishes()[0].target.routing(), Routing::default());
    }

    #[test]
    fn intercepts_end_with_their_connection() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desired.json");
        let mut desired = Desired::load(path.clone());
        for connection in ["a", "b"] {
            desired.add(wish(connection, 0)).unwrap();
            for name in ["web", "api"] {
                desired.add_intercept(intercept(&wish(connection, 0).id, name)).unwrap();
            }
        }
        desired.remove_intercept(&wish("b", 0).id, "api").unwrap();
        desired.remove_intercept(&wish("b", 0).id, "other").unwrap();
        let made = Intercept { uid: Some("u1".to_owned()), ..intercept(&wish("a", 0).id, "web") };
        desired.add_intercept(made.clone()).unwrap();
        desired.remove(&wish("b", 0).id).unwrap();
        assert_eq!(Desired::load(path).intercepts(), [made, intercept(&wish("a", 0).id, "api")]);
    }

    #[test]
    fn what_leaves_a_cluster_is_known_until_it_has_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desired.json");
        let cluster = Kubernetes {
            profile: String::new(),
            server: "api:6443".to_owned(),
            context: "c".to_owned(),
            namespace: "default".to_owned(),
            manager_namespace: "hawser".to_owned(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        };
        let shop = Wish { target: Target::Kubernetes(cluster), ..wish("shop", 0) };
        let mut desired = Desired::load(path.clone());
        for wanted in [shop.clone(), wish("plain", 1)] {
            desired.add(wanted.clone()).unwrap();
            desired.remove(&wanted.id).unwrap();
        }
        assert_eq!(Desired::load(path.clone()).leaving(), std::slice::from_ref(&shop));
        desired.add(shop.clone()).unwrap();
        assert_eq!(Desired::load(path.clone()).leaving(), []);
        desired.remove(&shop.id).unwrap();
        desired.has_left(&shop.id).unwrap();
        let after = Desired::load(path);
        assert!(after.leaving().is_empty() && after.wishes().is_empty());
    }

    #[test]
    fn killed_while_writing_leaves_the_old_state() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desired.json");
        Desired::load(path.clone()).add(wish("a", 0)).unwrap();
        std::fs::write(dir.path().join("desired.json.tmp"), "{\"connections\":[{").unwrap();
        let mut desired = Desired::load(path.clone());
        assert_eq!(desired.wishes(), [wish("a", 0)]);
        desired.add(wish("b", 1)).unwrap();
        assert_eq!(Desired::load(path).wishes().len(), 2);
    }

    #[test]
    fn damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desired.json");
        std::fs::write(&path, "not json").unwrap();
        assert!(Desired::load(path.clone()).wishes().is_empty());
        assert!(!path.exists());
        assert_eq!(std::fs::read(dir.path().join("desired.json.damaged")).unwrap(), b"not json");
    }

    #[test]
    fn unwritable_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut desired = Desired::load(dir.path().join("missing/desired.json"));
        assert_eq!(desired.add(wish("a", 0)).err().unwrap().code, Code::StateUnwritable);
        assert!(desired.wishes().is_empty());
    }
}
