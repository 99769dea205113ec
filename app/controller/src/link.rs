//! The connection to the helper: made, followed, and made again.

use std::path::Path;
use std::time::Duration;

use hawser_client::{Watch, Watched};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::WatchRequest;
use hawser_ipc::{connect, from_status};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::limits;
use crate::news::News;

/// Tells each snapshot, and what is wrong while none comes. A helper that is back within [`limits::PATIENCE`] was never away.
pub(crate) async fn keep(socket: &Path, news: mpsc::Sender<News>) {
    let (first, longest) = limits::CALL_AGAIN;
    let mut wait = first;
    let mut quiet_until = Instant::now();
    for number in 1.. {
        // Watched before it is called, so that it can't come in between.
        let away = wait >= longest;
        let appears = away.then(|| Watch::of([Watched::Entry(socket.to_owned())]).ok()).flatten();
        let broken = follow(number, socket, &news).await;
        if broken.answered {
            wait = first;
            quiet_until = Instant::now() + limits::PATIENCE;
        }
        if Instant::now() >= quiet_until
            && news.send(News::Broke { fault: broken.fault, silent: broken.silent }).await.is_err()
        {
            return;
        }
        match appears.filter(|_| broken.away) {
            // It may need a moment from there until it answers.
            Some(appears) => {
                if timeout(limits::CALL_ABSENT, appears.changed()).await.is_ok_and(|told| told.is_ok()) {
                    wait = first;
                }
            }
            None => {
                sleep(wait).await;
                wait = (wait * 2).min(longest);
            }
        }
    }
}

struct Broken {
    fault: Fault,
    /// Nobody is there.
    away: bool,
    /// Somebody is there and says nothing.
    silent: bool,
    /// It had answered.
    answered: bool,
}

async fn follow(number: u64, socket: &Path, news: &mpsc::Sender<News>) -> Broken {
    let broken = |fault| Broken { fault, away: false, silent: false, answered: false };
    let mut client = match connect(socket).await {
        Ok(client) => client,
        Err(fault) => return Broken { away: true, ..broken(fault) },
    };
    let first = async {
        let mut snapshots = client
            .watch(WatchRequest { follow: true, ..WatchRequest::default() })
            .await
            .map_err(|status| from_status(&status))?
            .into_inner();
        let first = snapshots.message().await.map_err(|status| from_status(&status))?;
        Ok((snapshots, first.ok_or_else(hawser_client::no_answer)?))
    };
    let (mut snapshots, first) = match timeout(limits::ANSWER, first).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(fault)) => return broken(fault),
        Err(_) => return Broken { silent: true, ..broken(silence(limits::ANSWER)) },
    };
    let mut next = first;
    let fault = loop {
        if news.send(News::Snapshot(number, client.clone(), next)).await.is_err() {
            break Fault::new(Code::Internal, "nobody listens");
        }
        match snapshots.message().await {
            Ok(Some(snapshot)) => next = snapshot,
            Ok(None) => break Fault::new(Code::HelperUnreachable, "the helper has ended"),
            Err(status) => break from_status(&status),
        }
    };
    Broken { answered: true, ..broken(fault) }
}

fn silence(after: Duration) -> Fault {
    Fault::new(Code::HelperUnreachable, format!("the helper is there but did not answer within {after:?}"))
        .with_fix("Start it anew with: sudo systemctl restart hawser-helper")
}
