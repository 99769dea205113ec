//! The user's files: read, and read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hawser_client::connecting::{managers, managers_folder};
use hawser_client::kubeconfig::{contexts, folder, is_named_so};
use hawser_client::{Watch, Watched};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use crate::news::News;
use crate::{Surroundings, limits};

/// Tells what the files say, for as long as somebody listens. `added` are kubeconfigs that the user has named.
pub(crate) async fn keep(
    surroundings: Arc<Surroundings>,
    mut added: watch::Receiver<Vec<PathBuf>>,
    news: mpsc::Sender<News>,
) {
    loop {
        let files = added.borrow_and_update().clone();
        // Watched before they are read, so that no change is missed.
        let environment = &surroundings.environment;
        let reader = (surroundings.clone(), files.clone());
        let folders = [
            folder(environment).map(|folder| Watched::Entries(folder, is_named_so)),
            managers_folder(environment).map(|folder| {
                Watched::Entries(folder, |name| Path::new(name).extension().is_some_and(|end| end == "toml"))
            }),
        ];
        let named = files.iter().cloned().chain(selected(&surroundings)).map(Watched::Entry);
        let watched = Watch::of(folders.into_iter().flatten().chain(named));
        let began = Instant::now();
        let read = spawn_blocking(move || {
            let (surroundings, files) = reader;
            let found = contexts(&surroundings.environment, &files);
            let (managers, faults) = managers(&surroundings.environment);
            News::Files { found, managers, faults }
        });
        let Ok(read) = read.await else { return };
        if news.send(read).await.is_err() {
            return;
        }
        let changed = async {
            match &watched {
                Ok(watched) => watched.changed().await.is_ok(),
                Err(_) => false,
            }
        };
        tokio::select! {
            told = changed => if !told { sleep(limits::FILES_AGAIN).await },
            more = added.changed() => if more.is_err() { return },
        }
        // Whoever writes several files is waited for, and whoever does all the time isn't followed at every step.
        sleep(limits::FILES_SETTLE).await;
        sleep_until(began + limits::FILES_PACE).await;
    }
}

/// Files that the environment names.
fn selected(surroundings: &Surroundings) -> Vec<PathBuf> {
    let list = surroundings.environment.variables.get(std::ffi::OsStr::new("KUBECONFIG"));
    let files = list.into_iter().flat_map(|list| std::env::split_paths(list).collect::<Vec<_>>());
    files.map(|file| surroundings.environment.directory.join(file)).take(limits::KUBECONFIGS).collect()
}
