//! When files change: inotify(7). Editors put a new file in an old one's place, so folders are watched.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Some entries of folders. Of a folder that isn't there the nearest one above is watched, for what leads to it.
pub struct Watch {
    queue: AsyncFd<Queue>,
    meant: Vec<(WatchDescriptor, Names)>,
}

/// What is watched.
#[derive(Clone, Debug)]
pub enum Watched {
    /// A file or folder, whether it is there or not.
    Entry(PathBuf),
    /// What has such a name in a folder.
    Entries(PathBuf, fn(&OsStr) -> bool),
}

enum Names {
    One(OsString),
    Such(fn(&OsStr) -> bool),
}

struct Queue(Inotify);

impl AsRawFd for Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Watch {
    /// Watches from now on.
    ///
    /// # Errors
    /// Where the kernel has no room for it.
    pub fn of(watched: impl IntoIterator<Item = Watched>) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE_SELF;
        let mut meant = Vec::new();
        for watched in watched {
            let (folder, names) = place(watched);
            meant.push((inotify.add_watch(&folder, changes)?, names));
        }
        // SAFETY: the queue is open, and has the same descriptor until it is dropped, which the registration does.
        let queue = unsafe { AsyncFd::register_with_interest(Queue(inotify), Interest::READABLE) }?;
        Ok(Self { queue, meant })
    }

    /// Returns once something of it has changed.
    ///
    /// # Errors
    /// If that can't be told any more.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.queue.readable().await?;
            match self.queue.get_ref().0.read_events() {
                Ok(events) if events.iter().any(|event| self.is_meant(event)) => return Ok(()),
                Ok(_) => {}
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What has no name is of a folder itself, or was lost.
    fn is_meant(&self, event: &InotifyEvent) -> bool {
        let Some(name) = &event.name else { return true };
        self.meant.iter().filter(|(folder, _)| *folder == event.wd).any(|(_, names)| match names {
            Names::One(meant) => meant == name,
            Names::Such(is_meant) => is_meant(name),
        })
    }
}

/// The folder that is there, and what counts in it.
fn place(watched: Watched) -> (PathBuf, Names) {
    let mut entry = match watched {
        Watched::Entries(folder, is_meant) if folder.is_dir() => return (folder, Names::Such(is_meant)),
        Watched::Entries(path, _) | Watched::Entry(path) => path,
    };
    loop {
        let Some(name) = entry.file_name().map(OsStr::to_owned) else { return (entry, Names::Such(|_| true)) };
        entry.pop();
        if entry.is_dir() {
            return (entry, Names::One(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn changes_of_what_is_meant_are_told() {
        let home = tempfile::tempdir().unwrap();
        let (folder, later) = (home.path().join("kube"), home.path().join("run/hawser/helper.sock"));
        fs::create_dir(&folder).unwrap();
        let watch = || {
            let such = Watched::Entries(folder.clone(), |name| name.to_string_lossy().starts_with("config"));
            Watch::of([such, Watched::Entry(later.clone())]).unwrap()
        };
        let soon = async |watch: &Watch| timeout(Duration::from_secs(5), watch.changed()).await.unwrap().unwrap();
        let never = async |watch: &Watch| timeout(Duration::from_millis(50), watch.changed()).await.unwrap_err();

        let first = watch();
        never(&first).await;
        fs::write(folder.join("cache"), "x").unwrap();
        fs::write(home.path().join("runner"), "x").unwrap();
        never(&first).await;
        fs::write(folder.join("config"), "x").unwrap();
        soon(&first).await;
        fs::write(folder.join("new"), "y").unwrap();
        fs::rename(folder.join("new"), folder.join("config")).unwrap();
        soon(&first).await;
        never(&first).await;
        // Each step that leads to it.
        for step in [home.path().join("run"), home.path().join("run/hawser")] {
            let watch = watch();
            fs::create_dir(step).unwrap();
            soon(&watch).await;
        }
        let last = watch();
        fs::write(&later, "").unwrap();
        soon(&last).await;
        fs::remove_dir_all(&folder).unwrap();
        soon(&last).await;
    }
}
