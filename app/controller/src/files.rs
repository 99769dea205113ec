//! The user's files: read, and read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hawser_client::Watch;
use hawser_client::connecting::{managers, managers_folder};
use hawser_client::kubeconfig::{contexts, folder};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

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
        let above = |file: &PathBuf| file.parent().map(Path::to_owned);
        let reader = (surroundings.clone(), files.clone());
        let own =
            folder(environment).into_iter().chain(managers_folder(environment)).chain(files.iter().filter_map(above));
        let selected = selected(&surroundings);
        let folders: Vec<PathBuf> = own.chain(selected.iter().filter_map(above)).collect();
        let watched = Watch::of(folders.iter().map(PathBuf::as_path));
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
        // Whoever writes several files is waited for.
        sleep(limits::FILES_SETTLE).await;
    }
}

/// Files that the environment names.
fn selected(surroundings: &Surroundings) -> Vec<PathBuf> {
    let list = surroundings.environment.variables.get(std::ffi::OsStr::new("KUBECONFIG"));
    let files = list.into_iter().flat_map(|list| std::env::split_paths(list).collect::<Vec<_>>());
    files.map(|file| surroundings.environment.directory.join(file)).take(limits::KUBECONFIGS).collect()
}
