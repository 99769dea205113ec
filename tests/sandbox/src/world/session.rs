//! The user's session in a world: `/run` is private there, but windows, sound and the session bus are reached by sockets below
//! `$XDG_RUNTIME_DIR` (XDG Base Directory Specification).

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{OFlag, open},
    mount::{MsFlags, mount},
    sys::stat::Mode,
};

use crate::SandboxError;

/// As many are shown; a session has a dozen.
const MOST: usize = 256;
/// Programs of the world would take a socket of the user's own Hawser for the world's.
const HIDDEN: &str = "hawser";

/// What the folder holds, kept in hand while another `/run` is mounted over it.
pub(super) struct Session {
    folder: PathBuf,
    entries: Vec<(OsString, OwnedFd)>,
}

impl Session {
    /// Nothing if there's no such folder, or it is not below `/run` and stays as it is.
    pub(super) fn hold() -> Option<Self> {
        let folder = PathBuf::from(env::var_os("XDG_RUNTIME_DIR")?);
        let held = |name: OsString| {
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            Some((name.clone(), open(&folder.join(name), flags, Mode::empty()).ok()?))
        };
        let names = folder.starts_with("/run").then(|| fs::read_dir(&folder).ok())??.flatten();
        let names = names.map(|entry| entry.file_name()).filter(|name| name != HIDDEN);
        let entries = names.filter_map(held).take(MOST).collect();
        Some(Self { folder, entries })
    }

    /// Shows each under its name in a folder that is new. What can't be shown is left out.
    pub(super) fn show(&self) -> Result<(), SandboxError> {
        let refused = |source| SandboxError::File { path: self.folder.display().to_string(), source };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(self.folder.parent().unwrap_or(Path::new("/run")))
            .map_err(refused)?;
        fs::DirBuilder::new().mode(0o700).create(&self.folder).map_err(refused)?;
        for (name, entry) in &self.entries {
            let held = PathBuf::from(format!("/proc/self/fd/{}", entry.as_raw_fd()));
            let place = self.folder.join(name);
            let made = match fs::metadata(&held) {
                Ok(found) if found.is_dir() => fs::create_dir(&place),
                _ => File::create(&place).map(drop),
            };
            let nothing: Option<&str> = None;
            if made.is_ok() {
                let _ = mount(Some(&held), &place, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing);
            }
        }
        Ok(())
    }
}
