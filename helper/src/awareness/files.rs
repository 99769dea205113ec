//! The resolver's file, and what it leads to, as others write them (inotify(7)).

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{sleep, timeout};

use super::SWARM;
use crate::limits;

/// Where those write that `/etc/resolv.conf` may lead to.
const OTHERS: [&str; 5] = [
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/resolvconf/interface",
    "/run/resolvconf/interfaces",
];

/// What can be seen of others' writing in a folder, and of a single file: one that is mounted has its events where it is mounted from.
const IN_FOLDERS: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_ONLYDIR);
const OF_FILE: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE;

/// Folders that somebody may write to, watched as long as this lives.
pub struct Watch {
    file: PathBuf,
    events: std::io::Result<AsyncFd<OwnedFd>>,
}

impl Watch {
    /// Of the resolver's file here, and of the places where it may lead.
    pub fn new(file: PathBuf) -> Self {
        let events = watch(&file);
        let watch = Self { file, events };
        watch.report();
        watch
    }

    /// Ready when somebody has written; or when it is time to look again all the same, since not everything can be watched.
    pub async fn next(&mut self) {
        let was_deaf = self.events.is_err();
        match &self.events {
            Ok(events) => {
                if let Ok(ready) = timeout(limits::RESOLVER_AGAIN, events.readable()).await {
                    drop(ready);
                    sleep(SWARM).await;
                }
            }
            Err(_) => sleep(limits::RESOLVER_AGAIN).await,
        }
        // Anew, for folders that have come; and before the look that follows, so that nothing is missed that is written meanwhile.
        self.events = watch(&self.file);
        if !was_deaf {
            self.report();
        }
    }

    fn report(&self) {
        if let Err(error) = &self.events {
            let (file, seconds) = (self.file.display(), limits::RESOLVER_AGAIN.as_secs());
            tracing::warn!(%file, %error, "changes of the resolver's file are not heard of; it is looked at every {seconds} s");
        }
    }
}

/// A set of what is watched, whose events need not be read: that there is one is enough. Folders, since files are replaced.
fn watch(file: &Path) -> std::io::Result<AsyncFd<OwnedFd>> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let others = OTHERS.iter().map(|folder| (Path::new(folder), IN_FOLDERS));
    for (path, what) in others.chain([(file, OF_FILE)]) {
        if let Err(error) = inotify.add_watch(path, what) {
            tracing::trace!(path = %path.display(), %error, "not watched");
        }
    }
    inotify.add_watch(file.parent().unwrap_or(Path::new("/")), IN_FOLDERS)?;
    let events = inotify.as_fd().try_clone_to_owned()?;
    // SAFETY: an `OwnedFd` names the same open file until it is dropped, and `AsyncFd` owns it until then.
    Ok(unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }?)
}
