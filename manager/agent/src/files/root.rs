//! A folder that no path leads out of.
//!
//! Links are never followed here: whoever asks resolves them at their own end and asks for what they name. So a link that
//! changes at the wrong moment leads nowhere either.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

/// The folder.
pub struct Root(OwnedFd);

impl Root {
    /// Takes this folder for the root.
    pub fn open(folder: &Path) -> Result<Self, Errno> {
        open(folder, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map(Self)
    }

    /// Opens what a path names, without following any link (openat2(2)). Never waits for a pipe's other end.
    pub fn at(&self, path: &str, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
        let parts = parts(path)?;
        let path = if parts.is_empty() { ".".to_owned() } else { parts.join("/") };
        // What is only looked at can't wait, and the kernel takes it for a mistake to say so (openat2(2)).
        let no_wait = if flags.contains(OFlag::O_PATH) { OFlag::empty() } else { OFlag::O_NOCTTY | OFlag::O_NONBLOCK };
        let flags = flags | OFlag::O_CLOEXEC | no_wait;
        let resolve =
            ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        openat2(self.0.as_fd(), path.as_str(), OpenHow::new().flags(flags).mode(mode).resolve(resolve))
    }

    /// What a path names, be it a link, for asking what it is.
    pub fn look_at(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.at(path, OFlag::O_PATH | OFlag::O_NOFOLLOW, Mode::empty())
    }

    /// The folder that a path's last name is in, and that name.
    pub fn place(&self, path: &str) -> Result<Place, Errno> {
        let mut parts = parts(path)?;
        let name = parts.pop().ok_or(Errno::EBUSY)?.to_owned();
        let folder = self.at(&parts.join("/"), OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        Ok(Place { folder, name })
    }
}

/// A name in a folder, whatever is there.
pub struct Place {
    folder: OwnedFd,
    /// Without a slash, and none of the names that stand for folders.
    pub name: String,
}

impl Place {
    /// The folder.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

/// The names of a path, from the root. It can't go up.
fn parts(path: &str) -> Result<Vec<&str>, Errno> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") { Err(Errno::EACCES) } else { Ok(parts) }
}
