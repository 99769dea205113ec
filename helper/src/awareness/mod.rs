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
use crate::resolver::{Bus, HostResolver, Upstreams};
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
        let (own, looked) = (awareness.clone(), Arc::clone(&look));
        tokio::spawn(async move { own.follow_network(&looked).await });
        let (own, looked) = (awareness.clone(), Arc::clone(&look));
        tokio::spawn(async move { own.follow_clock(Clock::new(), &looked).await });
        let (own, looked, bus) = (awareness.clone(), Arc::clone(&look), resolver.places().bus.clone());
        tokio::spawn(async move { own.follow_bus(&bus, &looked).await });
        let (own, upstreams) = (awareness.clone(), resolver.upstreams());
        tokio::spawn(async move { own.follow_upstreams(upstreams).await });
        let files = files::Watch::new(resolver.places().resolv_conf.clone());
        tokio::spawn(keep_looking(Arc::clone(resolver), files, look));
        awareness
    }

    /// What happens from now on.
    pub fn news(&self) -> watch::Receiver<String> {
        self.news.subscribe()
    }

    async fn follow_network(&self, look: &Notify) -> Infallible {
        loop {
            match links::Watcher::open() {
                Err(error) => tracing::warn!(%error, "changes of the network are not heard of"),
                Ok(mut watcher) => {
                    while let Some(what) = watcher.next().await {
                        self.tell(what);
                        look.notify_one();
                    }
                    tracing::warn!("changes of the network are not heard of any more");
                }
            }
            sleep(limits::NETWORK_AGAIN).await;
        }
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

    async fn follow_bus(&self, bus: &Bus, look: &Notify) -> Infallible {
        loop {
            let heard = |event| match event {
                bus::Event::Woke => self.tell("this computer has woken up".to_owned()),
                bus::Event::ResolvedCame | bus::Event::ResolvedWent => look.notify_one(),
            };
            if let Err(error) = bus::follow(bus, heard).await {
                tracing::debug!(%error, "the message bus is not heard");
            }
            sleep(limits::BUS_AGAIN).await;
        }
    }

    async fn follow_upstreams(&self, mut upstreams: watch::Receiver<Upstreams>) {
        let mut known = upstreams.borrow_and_update().plain.clone();
        while upstreams.changed().await.is_ok() {
            let servers = upstreams.borrow_and_update().plain.clone();
            if servers != known {
                self.tell("this computer asks other name servers".to_owned());
            }
            known = servers;
        }
    }

    fn tell(&self, what: String) {
        tracing::info!(what, "this host has changed");
        self.news.send_replace(what);
    }
}

/// Has the resolver looked at whenever its file was written or somebody says that it's time.
async fn keep_looking(resolver: Arc<HostResolver>, mut files: files::Watch, look: Arc<Notify>) -> Infallible {
    loop {
        tokio::select! {
            () = files.next() => {}
            () = look.notified() => {}
        }
        resolver.refresh().await;
    }
}

/// Changes come in swarms: one that has begun is over when nothing has come for a moment.
const SWARM: Duration = limits::SETTLED;
