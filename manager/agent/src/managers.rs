//! Which managers there are: a link to each.

use std::collections::HashMap;
use std::sync::Arc;

use hawser_tunnel::agent::Config;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::board::Board;
use crate::files::Files;
use crate::{limits, link};

/// Links to every replica: the manager's service leads to a first one, which knows the others.
pub async fn follow(config: Arc<Config>, board: Arc<Board>) {
    let (tell, mut told) = mpsc::channel::<Vec<String>>(limits::MANAGERS);
    let files = Arc::new(Files::default());
    let mut links: HashMap<String, JoinHandle<()>> = HashMap::new();
    let mut known: Vec<String> = Vec::new();
    let link_to = |address: String, links: &mut HashMap<String, JoinHandle<()>>| {
        let link = link::keep(address.clone(), config.clone(), board.clone(), files.clone(), tell.clone());
        links.insert(address, tokio::spawn(link));
    };
    loop {
        links.retain(|_, link| !link.is_finished());
        // Those that did not answer for a time are dialled again for as long as another one knows them.
        let found = if links.is_empty() { replicas(&config.manager).await } else { known.clone() };
        for address in found.into_iter().take(limits::MANAGERS) {
            if !links.contains_key(&address) {
                link_to(address, &mut links);
            }
        }
        tokio::select! {
            Some(addresses) = told.recv() => known = addresses,
            () = sleep(limits::LOOK_AGAIN) => {}
        }
    }
}

/// What the service leads to now.
async fn replicas(service: &str) -> Vec<String> {
    match tokio::net::lookup_host(service).await {
        Ok(addresses) => addresses.take(limits::MANAGERS).map(|address| address.to_string()).collect(),
        Err(error) => {
            tracing::debug!(service, %error, "the manager is not found");
            Vec::new()
        }
    }
}
