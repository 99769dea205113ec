//! What a program inherits from its user, as a value: nothing below reads the process's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

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

    /// The same with what the user's login shell sets, which a program that the desktop has started doesn't have. `None` if the
    /// shell doesn't say within `limit`.
    pub async fn of_login_shell(&self, limit: Duration) -> Option<Self> {
        const SCRIPT: &str = r"printf '\000hawser\000'; env -0";
        let shell = self.first(&["SHELL"])?;
        let mut command = Command::new(shell);
        // Most people set their paths where only interactive shells look.
        command.args(["-i", "-l", "-c", SCRIPT]).env_clear().envs(&self.variables).current_dir(&self.directory);
        command.stdin(Stdio::null()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
        let output = timeout(limit, command.output()).await.ok()?.ok()?;
        let variables = variables(&output.stdout)?;
        Some(Self { variables, directory: self.directory.clone() })
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

/// What comes after the last mark: a shell's own files may print before it.
fn variables(printed: &[u8]) -> Option<BTreeMap<OsString, OsString>> {
    const MARK: &[u8] = b"\0hawser\0";
    let start = printed.windows(MARK.len()).rposition(|window| window == MARK)? + MARK.len();
    let mut variables = BTreeMap::new();
    for line in printed[start..].split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let equals = line.iter().position(|byte| *byte == b'=')?;
        let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        variables.insert(text(&line[..equals]), text(&line[equals + 1..]));
    }
    Some(variables).filter(|variables| !variables.is_empty())
}

/// Values of variables are often secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} variables in {}", self.variables.len(), self.directory.display())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let shell = folder.path().join("shell");
        std::fs::write(&shell, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let variables = [("SHELL".into(), shell.into()), ("PATH".into(), path)].into();
        let environment = Environment { variables, directory: folder.path().to_owned() };
        (folder, environment)
    }

    #[tokio::test]
    async fn a_login_shell_adds_what_it_sets() {
        let (_folder, environment) = shell("echo welcome home; KUBECONFIG='a\nb' exec sh -c \"export KUBECONFIG; $4\"");
        let found = environment.of_login_shell(Duration::from_secs(10)).await.unwrap();
        assert!(found.variables.contains_key(OsStr::new("KUBECONFIG")), "{:?}", found.variables);
        assert_eq!(found.directory, environment.directory);
    }

    #[tokio::test]
    async fn a_shell_that_hangs_or_fails_says_nothing() {
        let (_folder, environment) = shell("exec sleep 60");
        assert_eq!(environment.of_login_shell(Duration::from_millis(200)).await, None);
        let (_folder, environment) = shell("echo no; exit 1");
        assert_eq!(environment.of_login_shell(Duration::from_secs(10)).await, None);
    }
}
