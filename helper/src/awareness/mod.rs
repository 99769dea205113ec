//! What happens to this host that its connections should hear of: networks that come and go, sleep, and who resolves names.
//!
//! Nobody has to be told twice: who hears of something asks what is so now.

mod bus;
mod clock;
mod files;
mod links;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::limits;
use crate::resolver::HostResolver;
use clock::Clock;

/// Tells connections what has happened, in words that can be the cause of something.
#[derive(Clone)]
pub struct Awareness {
    news: watch::Sender<String>,
}

impl Awareness {
    /// Begins to watch. Where something cannot be watched it is logged, and found out later by other means.
    pub fn start(resolver: &Arc<HostResolver>) -> Self {
        let awareness = Self { news: watch::Sender::default() };
        let look = Arc::new(Notify::new());
        let [(network, for_network), (slept, for_clock), (woken, for_bus)] =
            [(); 3].map(|()| (awareness.clone(), Arc::clone(&look)));
        tokio::spawn(async move {
            loop {
                match links::Watcher::open() {
                    Err(error) => tracing::warn!(%error, "changes of the network are not heard of"),
                    Ok(mut watcher) => {
                        while let Some(what) = watcher.next().await {
                            network.tell(what);
                            for_network.notify_one();
                        }
                        tracing::warn!("changes of the network are not heard of any more");
                    }
                }
                sleep(limits::NETWORK_AGAIN).await;
            }
        });
        tokio::spawn(async move { slept.follow_clock(Clock::new(), &for_clock).await });
        let (asked, mut upstreams) = (awareness.clone(), resolver.upstreams());
        tokio::spawn(async move {
            let mut known = upstreams.borrow_and_update().plain.clone();
            while upstreams.changed().await.is_ok() {
                let servers = upstreams.borrow_and_update().plain.clone();
                if servers != known {
                    asked.tell("this computer asks other name servers".to_owned());
                }
                known = servers;
            }
        });
        let system_bus = resolver.places().bus.clone();
        tokio::spawn(async move {
            loop {
                let heard = |event| match event {
                    bus::Event::Woke => woken.tell("this computer has woken up".to_owned()),
                    bus::Event::ResolvedCame | bus::Event::ResolvedWent => for_bus.notify_one(),
                };
                if let Err(error) = bus::follow(&system_bus, heard).await {
                    tracing::debug!(%error, "the message bus is not heard");
                }
                sleep(limits::BUS_AGAIN).await;
            }
        });
        let resolver = Arc::clone(resolver);
        let mut files = files::Watch::new(resolver.places().resolv_conf.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = files.next() => {}
                    () = look.notified() => {}
                }
                resolver.refresh().await;
            }
        });
        awareness
    }

    /// What happens from now on.
    pub fn news(&self) -> watch::Receiver<String> {
        self.news.subscribe()
    }

    /// Tells of sleep, also where nothing else does.
    async fn follow_clock(&self, mut clock: Clock, look: &Notify) -> Infallible {
        loop {
            sleep(limits::CLOCK_LOOK).await;
            if let Some(asleep) = clock.slept() {
                self.tell(format!("this computer slept for {} s", asleep.as_secs().max(1)));
                look.notify_one();
            }
        }
    }

    fn tell(&self, what: String) {
        tracing::info!(what, "this host has changed");
        self.news.send_replace(what);
    }
}

/// Changes come in swarms: one that has begun is over when nothing has come for a moment.
const SWARM: Duration = limits::SETTLED;
