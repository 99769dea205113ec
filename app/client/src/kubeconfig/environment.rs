//! What a program inherits from its user, as a value: nothing below reads the process's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A user's environment variables and working directory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables by name.
    pub variables: BTreeMap<OsString, OsString>,
    /// What relative paths of the command line and of `KUBECONFIG` are relative to; absolute.
    pub directory: PathBuf,
}

impl Environment {
    /// This process's own.
    ///
    /// # Errors
    /// If there is no working directory any more.
    pub fn of_this_process() -> std::io::Result<Self> {
        Ok(Self { variables: std::env::vars_os().collect(), directory: std::env::current_dir()? })
    }

    /// The first of these variables that is set and not empty.
    pub(super) fn first(&self, names: &[&str]) -> Option<&OsStr> {
        names
            .iter()
            .find_map(|name| self.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()))
            .map(OsString::as_os_str)
    }

    /// Makes a path of the user's absolute.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }
}

/// Values of variables are often secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} variables in {}", self.variables.len(), self.directory.display())
    }
}
