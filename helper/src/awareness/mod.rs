//! What happens to this host that its connections should hear of: networks that come and go, sleep, and who resolves names.
//!
//! Nobody has to be told twice: who hears of something asks what is so now.

mod bus;
mod clock;
mod files;
mod links;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::limits;
use crate::resolver::HostResolver;

/// Tells connections what has happened, in words that can be the cause of something.
#[derive(Clone)]
pub struct Awareness {
    news: watch::Sender<String>,
}

impl Awareness {
    /// Begins to watch. Where something cannot be watched it is logged, and found out later by other means.
    pub fn start(resolver: &Arc<HostResolver>) -> Self {
        let awareness = Self { news: watch::Sender::default() };
        let (network, slept) = (awareness.clone(), awareness.clone());
        let resolvers = [(); 4].map(|()| Arc::clone(resolver));
        let [for_network, for_clock, for_bus, for_files] = resolvers;
        tokio::spawn(async move {
            let mut watcher = match links::Watcher::open() {
                Ok(watcher) => watcher,
                Err(error) => return tracing::warn!(%error, "changes of the network are not heard of"),
            };
            while let Some(what) = watcher.next().await {
                network.tell(what);
                for_network.refresh().await;
            }
        });
        tokio::spawn(async move {
            let mut clock = clock::Clock::new();
            loop {
                sleep(limits::CLOCK_LOOK).await;
                if let Some(asleep) = clock.slept() {
                    slept.tell(format!("this computer slept for {} s", asleep.as_secs().max(1)));
                    for_clock.refresh().await;
                }
            }
        });
        let woken = awareness.clone();
        tokio::spawn(async move {
            loop {
                let heard = |event| match event {
                    bus::Event::Woke => woken.tell("this computer has woken up".to_owned()),
                    bus::Event::ResolvedCame => {
                        let resolver = Arc::clone(&for_bus);
                        tokio::spawn(async move { resolver.renew().await });
                    }
                };
                if let Err(error) = bus::follow(&for_bus.places().bus, heard).await {
                    tracing::debug!(%error, "the message bus is not heard");
                }
                sleep(limits::BUS_AGAIN).await;
            }
        });
        tokio::spawn(async move {
            if let Err(error) = files::follow(&for_files).await {
                tracing::warn!(%error, "changes of the resolver's file are not heard of");
            }
        });
        awareness
    }

    /// What happens from now on.
    pub fn news(&self) -> watch::Receiver<String> {
        self.news.subscribe()
    }

    fn tell(&self, what: String) {
        tracing::info!(what, "this host has changed");
        self.news.send_replace(what);
    }
}

/// Changes come in swarms: one that has begun is over when nothing has come for a moment.
const SWARM: Duration = limits::SETTLED;
