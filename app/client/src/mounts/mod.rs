//! Files of intercepted containers on this computer: sshfs, run as the user, speaks sftp on its standard input and output, and
//! the helper carries that to the container's agent.
//!
//! What is wanted is the helper's to know; the companion makes it so, and nothing stands that it doesn't hold.

mod keeper;
mod limits;
mod links;
mod packets;
mod point;
mod sshfs;
mod unreadable;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use hawser_ipc::proto::{InterceptPhase, InterceptState, Mount, MountReport, Snapshot};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use point::prepare;
pub use sshfs::check;

/// Which intercept: its connection's name and its own.
type Place = (String, String);

/// The mounts of this user.
pub(crate) struct Mounts {
    reports: mpsc::Sender<MountReport>,
    told: mpsc::Receiver<MountReport>,
    kept: HashMap<Place, Kept>,
    /// What is told to end, until it has.
    ending: HashMap<Place, JoinHandle<()>>,
}

/// A mount that is wanted, and what keeps it.
struct Kept {
    mount: Mount,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Mounts {
    /// None yet.
    pub(crate) fn new() -> Self {
        let (reports, told) = mpsc::channel(limits::REPORTS);
        Self { reports, told, kept: HashMap::new(), ending: HashMap::new() }
    }

    /// What becomes of one of them.
    pub(crate) async fn news(&mut self) -> MountReport {
        match self.told.recv().await {
            Some(report) => report,
            // It can't be: a sender is kept here.
            None => std::future::pending().await,
        }
    }

    /// Takes away what others have left: mounts that nobody holds.
    pub(crate) async fn clean() {
        for point in sshfs::standing() {
            crate::platform::unmount(&point).await;
        }
    }

    /// Makes it so that what this user wants is mounted, and nothing else.
    pub(crate) fn follow(&mut self, snapshot: &Snapshot, user: u32) {
        let mut wanted: HashMap<Place, Mount> = HashMap::new();
        for connection in snapshot.connections.iter().filter(|connection| connection.owner == user) {
            for intercept in &connection.intercepts {
                if let Some(mount) = intercept.mount.as_ref().and_then(|state| state.mount.clone())
                    && is_held(intercept)
                {
                    wanted.insert((connection.name.clone(), intercept.name.clone()), mount);
                }
            }
        }
        let over = self.kept.extract_if(|place, kept| wanted.get(place) != Some(&kept.mount));
        self.ending.extend(over.map(|(place, kept)| (place, kept.end())));
        self.ending.retain(|_, task| !task.is_finished());
        for (place, mount) in wanted {
            if let Entry::Vacant(free) = self.kept.entry(place.clone()) {
                let (stop, stopped) = oneshot::channel();
                let before = self.ending.remove(&place);
                let keeping = keeper::keep(place, mount.clone(), self.reports.clone(), stopped, before);
                free.insert(Kept { mount, stop, task: tokio::spawn(keeping) });
            }
        }
    }

    /// Nothing is wanted any more; nothing stands afterwards.
    pub(crate) async fn end(self) {
        let ending: Vec<_> = self.kept.into_values().map(Kept::end).chain(self.ending.into_values()).collect();
        // Else one that has something to tell waits for a listener.
        drop(self.told);
        for task in ending {
            let _ = task.await;
        }
    }
}

impl Kept {
    /// Tells it to end.
    fn end(self) -> JoinHandle<()> {
        // One that has ended needs no telling.
        let _ = self.stop.send(());
        self.task
    }
}

/// Whether it has, or will have, a container whose files there are.
fn is_held(intercept: &InterceptState) -> bool {
    !matches!(intercept.phase(), InterceptPhase::Ending | InterceptPhase::Ended)
}
