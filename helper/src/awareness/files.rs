//! The resolver's file, and what it leads to, as others write them (inotify(7)).

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{sleep, timeout};

use super::SWARM;
use crate::limits;
use crate::resolver::HostResolver;

/// Where those write that `/etc/resolv.conf` may lead to.
const OTHERS: [&str; 5] = [
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/resolvconf/interface",
    "/run/resolvconf/interfaces",
];

/// Has the resolver look again whenever somebody has written. Folders are watched, since files are replaced; those that come later
/// are found at the next look.
pub async fn follow(resolver: &Arc<HostResolver>) -> std::io::Result<()> {
    let own = resolver.places().resolv_conf.parent().unwrap_or(Path::new("/")).to_owned();
    let mut watched = watch(&own)?;
    loop {
        let written = match timeout(limits::FOLDERS_AGAIN, watched.readable()).await {
            Ok(ready) => ready.map(|_| true)?,
            Err(_) => false,
        };
        if written {
            sleep(SWARM).await;
        }
        // Anew, for folders that have come; and before the look, so that nothing is missed that is written meanwhile.
        watched = watch(&own)?;
        if written {
            resolver.refresh().await;
        }
    }
}

/// A set of watched folders, whose events need not be read: that there is one is enough.
fn watch(own: &Path) -> std::io::Result<AsyncFd<OwnedFd>> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let what = AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_ONLYDIR;
    for folder in OTHERS.map(PathBuf::from).iter().map(PathBuf::as_path).chain([own]) {
        if let Err(error) = inotify.add_watch(folder, what) {
            tracing::trace!(folder = %folder.display(), %error, "not watched");
        }
    }
    let events = inotify.as_fd().try_clone_to_owned()?;
    // SAFETY: an `OwnedFd` names the same open file until it is dropped, and `AsyncFd` owns it until then.
    Ok(unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }?)
}
