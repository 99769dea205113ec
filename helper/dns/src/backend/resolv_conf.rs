//! A plain `/etc/resolv.conf` (resolv.conf(5)) that no other program manages.
//!
//! The order matters to whoever calls this: [`ResolvConf::plan`] looks and decides; the [`Backup`] goes into the journal;
//! only then [`Backup::apply`] changes the file. [`Backup::restore`] works from the journal alone, in whatever state a
//! crash left the file.

mod kept;
mod replace;
mod text;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{fs, io};

use nix::net::if_::if_nametoindex;
use serde::{Deserialize, Serialize};

use text::Conf;

/// The first line of every file that we write.
const MARKER: &str = "# Written by Hawser while it is connected. The former file comes back when it disconnects.\n";

/// The permissions that resolv.conf has everywhere.
const MODE: u32 = 0o644;

/// The resolver's configuration file.
#[derive(Clone, Debug)]
pub struct ResolvConf {
    path: PathBuf,
}

/// What the file is to say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The addresses that we answer at.
    pub servers: Vec<IpAddr>,
    /// Search domains to stand before those that were there.
    pub search: Vec<String>,
}

/// What would be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be journalled, then applied.
    pub backup: Backup,
    /// The name servers of the former file: where everything else is asked.
    pub upstreams: Vec<SocketAddr>,
}

/// The change of one file: what was there, and what we put there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    path: PathBuf,
    former: Former,
    ours: String,
}

/// What was at the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Former {
    Absent,
    File { contents: Vec<u8>, mode: u32 },
    Link { target: OsString },
}

/// What [`Backup::restore`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// Our file was there; the former one is back.
    Done,
    /// Nothing had been changed yet, or everything was put back already.
    Nothing,
    /// Somebody else has written the file since. Theirs stays.
    Theirs,
}

/// A file that can't be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is a directory or a device.
    #[error("{} is neither a file nor a symbolic link", .0.display())]
    NotAFile(PathBuf),
    /// The file is ours, but neither the journal nor what it keeps itself says what was there before.
    #[error("{} was written by a Hawser that is gone, and the journal that held the former file with it", .0.display())]
    Orphaned(PathBuf),
}

/// The name servers that a file of this text names.
pub fn servers(text: &str) -> Vec<SocketAddr> {
    parse(text).into_servers()
}

/// The text that has programs ask `servers`, and search `search` before what they search by `text`.
pub(super) fn merged(text: &str, servers: &[IpAddr], search: &[String]) -> String {
    parse(text).render("", servers, search)
}

fn parse(text: &str) -> Conf {
    Conf::parse(text, |interface| if_nametoindex(interface).ok())
}

impl ResolvConf {
    /// The file at `path`, usually `/etc/resolv.conf`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Reads the file and works out what it should become. `standing` is a backup that is in the journal already: after a
    /// crash, or when the settings change while the file is ours, what it keeps remains what will be restored.
    pub fn plan(&self, settings: &Settings, standing: Option<&Backup>) -> Result<Plan, Error> {
        let current = Former::read(&self.path)?;
        let former = match standing {
            Some(backup) if backup.path == self.path && backup.state(&current) != Restored::Theirs => {
                backup.former.clone()
            }
            _ => current,
        };
        let former = match former.is_marked() {
            false => former,
            true => {
                kept::read(former.contents().unwrap_or_default()).ok_or_else(|| Error::Orphaned(self.path.clone()))?
            }
        };
        let text = former.text(&self.path)?;
        let mut conf = parse(&text);
        conf.default_search(nix::unistd::gethostname().unwrap_or_default().to_str().unwrap_or_default());
        let ours = conf.render(&kept::heading(&former), &settings.servers, &settings.search);
        let upstreams = conf.upstreams(&settings.servers);
        Ok(Plan { backup: Backup { path: self.path.clone(), former, ours }, upstreams })
    }

    /// A file of ours that no journal knows any more, with the former one that it keeps itself.
    pub fn orphan(&self) -> Option<Backup> {
        let current = Former::read(&self.path).ok()?;
        let contents = current.contents().filter(|_| current.is_marked())?;
        let ours = String::from_utf8(contents.to_vec()).ok()?;
        Some(Backup { path: self.path.clone(), former: kept::read(contents)?, ours })
    }
}

impl Backup {
    /// Puts our file in place: in one step, or in place where the file is a mount point. Doing it again is harmless.
    pub fn apply(&self) -> Result<(), Error> {
        let mode = if let Former::File { mode, .. } = &self.former { *mode } else { MODE };
        replace::file(&self.path, self.ours.as_bytes(), mode).map_err(|source| self.error("write", source))
    }

    /// Puts back what was there, byte for byte, unless somebody else has written the file since. A file of ours that somebody has
    /// changed or brought back is not theirs: it would name a server that is gone.
    pub fn restore(&self) -> Result<Restored, Error> {
        replace::forget_unfinished(&self.path);
        let state = self.state(&Former::read(&self.path)?);
        match (state, ResolvConf::new(&self.path).orphan()) {
            (Restored::Done, _) => self.put_back(),
            (Restored::Theirs, Some(ours)) => ours.put_back(),
            (state, _) => Ok(state),
        }
    }

    fn put_back(&self) -> Result<Restored, Error> {
        let restored = match &self.former {
            Former::Absent => replace::nothing(&self.path),
            Former::File { contents, mode } => replace::file(&self.path, contents, *mode),
            Former::Link { target } => replace::link(&self.path, Path::new(target)),
        };
        restored.map_err(|source| self.error("restore", source))?;
        Ok(Restored::Done)
    }

    /// What the resolver would read if ours were not there, and where the path would lead if it were a link.
    pub fn former(&self) -> (String, Option<PathBuf>) {
        let link = match &self.former {
            Former::Link { target } => Some(PathBuf::from(target)),
            _ => None,
        };
        (self.former.text(&self.path).unwrap_or_default(), link)
    }

    /// What restoring would mean with this at the path.
    fn state(&self, current: &Former) -> Restored {
        if *current == self.former {
            return Restored::Nothing;
        }
        match current {
            Former::File { contents, .. } if self.ours.as_bytes().starts_with(contents) => Restored::Done,
            // Writing in place can be cut short both ways, and leaves a beginning of what was to be written.
            Former::File { contents, .. } if self.former.contents().is_some_and(|was| was.starts_with(contents)) => {
                Restored::Done
            }
            _ => Restored::Theirs,
        }
    }

    fn error(&self, action: &'static str, source: io::Error) -> Error {
        Error::Io { action, path: self.path.clone(), source }
    }
}

impl Former {
    fn read(path: &Path) -> Result<Self, Error> {
        let error = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(source) => return Err(error(source)),
        };
        if metadata.is_symlink() {
            return Ok(Self::Link { target: fs::read_link(path).map_err(error)?.into_os_string() });
        }
        if !metadata.is_file() {
            return Err(Error::NotAFile(path.to_owned()));
        }
        Ok(Self::File { contents: fs::read(path).map_err(error)?, mode: replace::mode(&metadata) })
    }

    fn contents(&self) -> Option<&[u8]> {
        if let Self::File { contents, .. } = self { Some(contents) } else { None }
    }

    fn is_marked(&self) -> bool {
        self.contents().is_some_and(|contents| contents.starts_with(MARKER.as_bytes()))
    }

    /// What the resolver reads here; a link is followed, and one that leads nowhere says nothing.
    fn text(&self, path: &Path) -> Result<String, Error> {
        let contents = match self {
            Self::Absent => Vec::new(),
            Self::File { contents, .. } => contents.clone(),
            Self::Link { target } => {
                let target = path.parent().unwrap_or(Path::new("/")).join(target);
                match fs::read(&target) {
                    Err(source) if source.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::Io { action: "read", path: target, source });
                    }
                    read => read.unwrap_or_default(),
                }
            }
        };
        Ok(String::from_utf8_lossy(&contents).into_owned())
    }
}

#[cfg(test)]
mod tests;
