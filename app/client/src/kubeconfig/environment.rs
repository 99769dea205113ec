//! What a program inherits from its user, as a value: nothing below reads the process's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use super::leash::Leash;
use super::limits::LARGEST_ENVIRONMENT;

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
    /// shell doesn't say within `limit`, or says too much. Nothing that it started in its own process group is left.
    pub async fn of_login_shell(&self, limit: Duration) -> Option<Self> {
        const SCRIPT: &str = r"printf '\000hawser\000'; env -0; printf '\000hawser\000'";
        let shell = self.first(&["SHELL"])?;
        let mut command = Command::new(shell);
        // Most people set their paths where only interactive shells look.
        command.args(["-i", "-l", "-c", SCRIPT]).env_clear().envs(&self.variables).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().ok()?;
        // The shell isn't waited for before, so its group's number is its own.
        let _leash = Leash::of(&child, true);
        // What the shell's own files left running may hold its output open for ever.
        let variables = timeout(limit, marked(child.stdout.take()?)).await.ok()??;
        Some(Self { variables, directory: self.directory.clone() })
    }

    /// Where the user's programs keep what the user has set (XDG Base Directory Specification 0.8). `None` without a home.
    pub fn config_folder(&self) -> Option<PathBuf> {
        self.own_folder("XDG_CONFIG_HOME", ".config")
    }

    /// Where they keep what they remember.
    pub fn state_folder(&self) -> Option<PathBuf> {
        self.own_folder("XDG_STATE_HOME", ".local/state")
    }

    /// Relative paths don't count, as the specification says.
    fn own_folder(&self, variable: &str, otherwise: &str) -> Option<PathBuf> {
        let set = |name| self.first(&[name]).map(Path::new).filter(|path| path.is_absolute());
        set(variable).map(Path::to_owned).or_else(|| Some(set("HOME")?.join(otherwise)))
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

const MARK: &[u8] = b"\0hawser\0";

/// Reads what is between two marks: a shell's own files may print before, and what they started may go on printing.
async fn marked(mut from: impl AsyncRead + Unpin) -> Option<BTreeMap<OsString, OsString>> {
    let (mut printed, mut start) = (Vec::new(), None);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await.ok()?;
        if length == 0 || printed.len() + length > LARGEST_ENVIRONMENT {
            return None;
        }
        // A mark may have come in two pieces.
        let mut unsearched = printed.len().saturating_sub(MARK.len() - 1).max(start.unwrap_or(0));
        printed.extend_from_slice(&buffer[..length]);
        while let Some(found) = printed[unsearched..].windows(MARK.len()).position(|window| window == MARK) {
            unsearched += found;
            match start {
                None => {
                    unsearched += MARK.len();
                    start = Some(unsearched);
                }
                Some(start) => return variables(&printed[start..unsearched]),
            }
        }
    }
}

/// What `env -0` prints.
fn variables(printed: &[u8]) -> Option<BTreeMap<OsString, OsString>> {
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let mut variables = BTreeMap::new();
    for line in printed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let equals = line.iter().position(|byte| *byte == b'=')?;
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
        for script in ["echo no; exit 1", "printf '\\000hawser\\000A=b'", "exec yes"] {
            let (_folder, environment) = shell(script);
            assert_eq!(environment.of_login_shell(Duration::from_secs(10)).await, None, "{script}");
        }
    }

    #[tokio::test]
    async fn a_daemon_of_the_shell_s_is_neither_waited_for_nor_left() {
        let (folder, environment) = shell("sleep 60 & echo $! > daemon; eval \"$4\"");
        let begun = std::time::Instant::now();
        let found = environment.of_login_shell(Duration::from_secs(20)).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(found.variables.contains_key(OsStr::new("PATH")));
        let daemon = std::fs::read_to_string(folder.path().join("daemon")).unwrap();
        let stat = format!("/proc/{}/stat", daemon.trim());
        let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        let end = begun + Duration::from_secs(20);
        while runs() && std::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!runs(), "{stat}");
    }

    #[test]
    fn folders_are_the_user_s_own_and_absolute() {
        let environment = |config: &str, home: &str| Environment {
            variables: [("XDG_CONFIG_HOME".into(), config.into()), ("HOME".into(), home.into())].into(),
            directory: "/work".into(),
        };
        assert_eq!(environment("/c", "/h").config_folder().unwrap(), Path::new("/c"));
        assert_eq!(environment("c", "/h").config_folder().unwrap(), Path::new("/h/.config"));
        assert_eq!(environment("/c", "/h").state_folder().unwrap(), Path::new("/h/.local/state"));
        assert_eq!(environment("", "").config_folder(), None);
    }
}
