//! One object, as it is written or as the API server has it.

use std::fmt;

use hawser_fault::{Code, Fault};
use serde_json::Value;

use super::kind::Kind;

/// Whose an installation is: [`TOOL`], or what else put it there.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`] for what is installed by this module.
pub const TOOL: &str = "hawser";
/// Which installation an object belongs to, by the manager's namespace.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// On a namespace that installing made, and that removing therefore takes away.
pub const MADE: &str = "hawser.dev/made-by-install";

/// An object with its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Which kind.
    pub kind: &'static Kind,
    /// All of it.
    pub body: Value,
}

impl Object {
    /// An object that says what it is.
    ///
    /// # Errors
    /// `internal` if it says nothing that an installation can have.
    pub fn parse(body: Value) -> Result<Self, Fault> {
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let (api_version, name) = (text("apiVersion"), text("kind"));
        let unknown = || Fault::new(Code::Internal, format!("the manifests hold {api_version:?} {name:?}"));
        Ok(Self { kind: Kind::named(api_version, name).ok_or_else(unknown)?, body })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.body["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its namespace, if it is in one.
    pub fn namespace(&self) -> Option<&str> {
        self.body["metadata"]["namespace"].as_str()
    }

    /// One of its labels; empty if it hasn't that.
    pub fn label(&self, name: &str) -> &str {
        self.body["metadata"]["labels"][name].as_str().unwrap_or_default()
    }

    /// Sets one of its labels.
    pub fn set_label(&mut self, name: &str, value: &str) {
        self.body["metadata"]["labels"][name] = value.into();
    }

    /// One of its annotations; empty if it hasn't that.
    pub fn annotation(&self, name: &str) -> &str {
        self.body["metadata"]["annotations"][name].as_str().unwrap_or_default()
    }

    /// Sets one of its annotations.
    pub fn set_annotation(&mut self, name: &str, value: &str) {
        self.body["metadata"]["annotations"][name] = value.into();
    }

    /// Where the API server has it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.path(self.namespace()), self.name())
    }

    /// Whether both are the same thing, whatever is in them.
    pub fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name() == other.name() && self.namespace() == other.namespace()
    }
}

/// Kind and name, as people say it.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind.name, self.name()),
            None => write!(f, "{} {}", self.kind.name, self.name()),
        }
    }
}
