//! When files change: inotify(7). Editors put a new file in an old one's place, so folders are watched.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Folders whose entries are watched; those that aren't there by the nearest one above that is.
pub struct Watch(AsyncFd<Queue>);

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
    pub fn of<'a>(folders: impl IntoIterator<Item = &'a Path>) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE_SELF;
        for folder in folders {
            inotify.add_watch(&nearest(folder), changes)?;
        }
        // SAFETY: the queue is open, and has the same descriptor until it is dropped, which the registration does.
        Ok(Self(unsafe { AsyncFd::register_with_interest(Queue(inotify), Interest::READABLE) }?))
    }

    /// Returns once something has changed.
    ///
    /// # Errors
    /// If that can't be told any more.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            match self.0.get_ref().0.read_events() {
                Ok(_) => return Ok(()),
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn nearest(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn changes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let later = folder.path().join("later");
        let watch = Watch::of([folder.path(), &later]).unwrap();
        let soon = async || timeout(Duration::from_secs(5), watch.changed()).await.unwrap().unwrap();
        assert!(timeout(Duration::from_millis(50), watch.changed()).await.is_err(), "nothing has changed");
        fs::write(folder.path().join("config"), "x").unwrap();
        soon().await;
        fs::write(folder.path().join("new"), "y").unwrap();
        fs::rename(folder.path().join("new"), folder.path().join("config")).unwrap();
        soon().await;
        fs::create_dir(&later).unwrap();
        soon().await;
    }
}
