//! The link to one manager.

use std::sync::Arc;

use hawser_tunnel::agent::Config;
use hawser_tunnel::agents;
use hawser_tunnel::error::LinkError;
use hawser_tunnel::proto::{AgentOrders, AgentReport};
use hawser_tunnel::sockets::{self, Opener, Side, Sockets};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;

use crate::board::Board;
use crate::files::Files;
use crate::gate::Dialler;
use crate::limits;
use crate::registration::registration;
use crate::requests;

/// Dials until nobody is there any more; `tell` hears of the other managers.
pub async fn keep(
    address: String,
    config: Arc<Config>,
    board: Arc<Board>,
    files: Arc<Files>,
    tell: mpsc::Sender<Vec<String>>,
) {
    let (mut wait, longest) = limits::REDIAL;
    while wait < longest {
        match serve(&address, &config, &board, &files, &tell).await {
            // It was there: it may come back.
            Ok(reason) => {
                tracing::info!(manager = address, %reason, "the link has ended");
                wait = limits::REDIAL.0;
            }
            Err(error) => tracing::debug!(manager = address, %error, "no link"),
        }
        sleep(wait).await;
        wait *= 2;
    }
}

/// One link, from the dial to its end. An error means that there was none.
async fn serve(
    address: &str,
    config: &Config,
    board: &Board,
    files: &Arc<Files>,
    tell: &mpsc::Sender<Vec<String>>,
) -> Result<LinkError, LinkError> {
    let dialled = agents::dial(address, &config.manager_name, &config.authority).await?;
    let registration = registration(config).map_err(|error| LinkError::Hello(error.to_string()))?;
    let (report, reports) = mpsc::channel(1);
    let first = AgentReport { registration: Some(registration), ..AgentReport::default() };
    report.send(first).await.map_err(|_| LinkError::GoingAway)?;
    let mut orders = dialled.follow(ReceiverStream::new(reports)).await?;
    let mut next = async || -> Result<AgentOrders, LinkError> {
        match orders.message().await {
            Ok(Some(orders)) => Ok(orders),
            Ok(None) => Err(LinkError::GoingAway),
            Err(status) => Err(LinkError::Lost(status.message().to_owned())),
        }
    };
    let first = next().await?;
    let opener = Opener::default();
    let gate = Arc::new(Dialler::new(Arc::clone(files)));
    let sockets = Arc::new(Mutex::new(Sockets::new(Side::Client, gate, opener.clone())));
    let (link, _connection) = dialled.attach(sockets.clone()).await?;
    let flows = sockets.clone();
    tracing::info!(manager = address, "linked");
    let (_running, stopping) = watch::channel(false);
    let following = async {
        let mut counting = board.requests.changes();
        let mut given = Ok(first);
        loop {
            let AgentOrders { managers, orders, proofs, proofs_posted } = match given {
                Ok(orders) => orders,
                Err(error) => return error,
            };
            let applied = board.post(address, &opener, &flows, orders);
            board.proofs.post(address, proofs);
            let _ = tell.try_send(managers);
            given = loop {
                counting.mark_unchanged();
                let said = AgentReport {
                    registration: None,
                    applied: applied.clone(),
                    proofs_heard: proofs_posted,
                    run: board.requests.run(),
                    requests: board.requests.of(&applied),
                };
                if report.send(said).await.is_err() {
                    return LinkError::GoingAway;
                }
                let told = Instant::now();
                tokio::select! {
                    given = next() => break given,
                    () = requests::due(&mut counting, told) => {}
                }
            };
        }
    };
    let reason = tokio::select! {
        reason = sockets::serve(sockets, link, stopping) => reason,
        reason = following => reason,
    };
    board.withdraw(address);
    Ok(reason)
}
