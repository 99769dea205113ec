//! What systemd is told (sd_notify(3)). Without systemd all of it does nothing.

use std::sync::Arc;

pub use sd_notify::NotifyState;

use crate::connection::{Host, Phase};
use crate::connections::{Connections, View};

/// Tells it something.
pub fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}

/// Tells it that this thread still comes around (sd_watchdog_enabled(3) asks for half the interval).
pub async fn feed_watchdog() {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(interval / 2);
    loop {
        ticks.tick().await;
        tell(NotifyState::Watchdog);
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
    use super::*;

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
