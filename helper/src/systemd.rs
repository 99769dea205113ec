//! What systemd is told (sd_notify(3)). Without systemd all of it does nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

pub use sd_notify::NotifyState;
use tokio::time::sleep;

use crate::connection::{Host, Phase};
use crate::connections::{Connections, View};
use crate::store::desired::Id;

/// Tells it something.
pub fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}

/// Tells it that this thread still comes around, and that of each data plane, which carries packets and answers names.
pub async fn feed_watchdog<H: Host>(connections: Arc<Connections<H>>) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    // sd_watchdog_enabled(3) asks for half of it. The rest is for planes that are slow to answer.
    match feed(&connections, interval / 4, || tell(NotifyState::Watchdog)).await {}
}

async fn feed<H: Host>(connections: &Connections<H>, pause: Duration, fed: impl Fn()) -> Infallible {
    loop {
        while let Some(Id { owner, name }) = connections.silent().await {
            tracing::warn!(owner, connection = name, "the data plane does not answer in time");
        }
        // Only if nothing holds on to what connections are either.
        drop(connections.views());
        fed();
        sleep(pause).await;
    }
}

/// Keeps `systemctl status` true.
pub async fn tell_status<H: Host>(connections: Arc<Connections<H>>) {
    let mut changes = connections.changes();
    let mut last = String::new();
    loop {
        changes.mark_unchanged();
        let now = sentence(&connections.views());
        if now != last {
            tell(NotifyState::Status(&now));
            last = now;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn sentence(views: &[View]) -> String {
    counted(views.len(), views.iter().filter(|view| view.status.phase == Phase::Connected).count())
}

/// Counts only: everybody may read it, and names are the owners'.
fn counted(all: usize, up: usize) -> String {
    match (all, up) {
        (0, _) => "No connections".to_owned(),
        (1, 1) => "1 connection, connected".to_owned(),
        (1, _) => "1 connection, not connected".to_owned(),
        (all, up) => format!("{all} connections, {up} of them connected"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::Mutex;

    use super::*;
    use crate::connection::pretend::{Pretend, id, target};
    use crate::limits;
    use crate::store::desired::Desired;

    #[tokio::test(start_paused = true)]
    async fn systemd_is_told_only_while_every_data_plane_answers() {
        let dir = tempfile::tempdir().unwrap();
        let desired = Arc::new(Mutex::new(Desired::load(dir.path().join("desired.json"))));
        let host = Arc::new(Pretend::forgetting(Arc::clone(&desired)));
        let connections = Connections::new(Arc::clone(&host), desired);
        let pause = Duration::from_secs(30) / 4;
        let fed = Arc::new(AtomicUsize::new(0));
        let (fed_connections, counted) = (Arc::clone(&connections), Arc::clone(&fed));
        let feeding = tokio::spawn(async move {
            let count = || {
                counted.fetch_add(1, Ordering::Relaxed);
            };
            feed(&fed_connections, pause, count).await
        });
        let times = async |pauses: u32| {
            let before = fed.load(Ordering::Relaxed);
            sleep(pauses * pause).await;
            fed.load(Ordering::Relaxed) - before
        };
        assert!(times(4).await >= 3, "without a connection");
        let mut followed = connections.connect(id(1000, "shop"), target("192.0.2.1:7300")).await.unwrap();
        followed.status.wait_for(|status| status.phase == Phase::Connected).await.unwrap();
        assert!(times(4).await >= 3);
        host.hang(true);
        times(1).await;
        assert_eq!(times(8).await, 0);
        host.hang(false);
        sleep(limits::PLANE_ANSWER).await;
        assert!(times(4).await >= 3, "a slow moment is over");
        feeding.abort();
    }

    #[test]
    fn sentences_are_english() {
        for (all, up, expected) in [
            (0, 0, "No connections"),
            (1, 1, "1 connection, connected"),
            (1, 0, "1 connection, not connected"),
            (3, 2, "3 connections, 2 of them connected"),
        ] {
            assert_eq!(counted(all, up), expected);
        }
    }
}
