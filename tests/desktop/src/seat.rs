//! Where a session's programs run, and as whom.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

/// Beside the test and as its user, unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Seat {
    /// What a command line begins with.
    enter: Vec<OsString>,
    /// Where files are to lie.
    files: PathBuf,
    user: Option<(u32, u32)>,
    socket: Option<PathBuf>,
    settings: Option<PathBuf>,
}

impl Seat {
    /// Where the test is. With a `HAWSER_SOCKET` that is the world of a demo, whose helper and settings it has.
    pub fn here() -> Self {
        let own = |name| std::env::var_os(name).map(PathBuf::from);
        let socket = own("HAWSER_SOCKET");
        let settings = own("XDG_CONFIG_HOME").filter(|_| socket.is_some());
        Self { enter: Vec::new(), files: std::env::temp_dir(), user: None, socket, settings }
    }

    /// Where a process is: its mounts, its processes and its network, to which the calling thread moves. Files lie in a folder
    /// that has this path here and there.
    ///
    /// # Errors
    /// When it has ended.
    pub fn beside(process: u32, files: &Path) -> Result<Self> {
        let network = File::open(format!("/proc/{process}/ns/net")).context("the process to sit beside")?;
        setns(network, CloneFlags::CLONE_NEWNET).context("the network to sit in")?;
        let id = process.to_string();
        // Whoever entered for a program is what the test ends.
        let enter = ["nsenter", "-t", &id, "--mount", "--pid", "--net", "setpriv", "--pdeathsig", "KILL"];
        let enter = enter.map(OsString::from).to_vec();
        Ok(Self { enter, files: files.to_owned(), user: None, socket: None, settings: None })
    }

    /// A helper answers at this socket.
    pub fn with_helper(self, socket: &Path) -> Self {
        Self { socket: Some(socket.to_owned()), ..self }
    }

    /// As this user, who is in this group alone and has settings of their own.
    pub fn as_user(mut self, user: u32, group: u32) -> Self {
        let (id, gid) = (user.to_string(), group.to_string());
        self.enter.extend(["setpriv", "--reuid", &id, "--regid", &gid, "--clear-groups"].map(OsString::from));
        Self { user: Some((user, group)), settings: None, ..self }
    }

    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    pub(crate) fn settings(&self) -> Option<&Path> {
        self.settings.as_deref()
    }

    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match self.enter.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        }
    }

    /// A folder of the user's own with folders of these names in it.
    pub(crate) fn folder(&self, names: &[&str]) -> Result<TempDir> {
        let folder = tempfile::tempdir_in(&self.files)?;
        self.give(folder.path())?;
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
            self.give(&path)?;
        }
        Ok(folder)
    }

    fn give(&self, path: &Path) -> Result<()> {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }
}
