//! The end of the agent: not before that of the app, and of what is under way.
//!
//! As a native sidecar it is told to stop when the app has ended. As an ordinary container it is told together with the app, which
//! may go on for a while: a hook holds its signal back, or it sees its last requests through.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::board::Board;
use crate::limits;
use crate::tcp::Passing;

/// Returns when the app takes no connections any more and those that there were have ended. The pod's own grace period is the
/// last bound.
pub async fn wait(apps: &[SocketAddr], passing: &[Passing], board: &Board) {
    while listens(apps).await {
        sleep(limits::DRAIN_LOOK).await;
    }
    let end = Instant::now() + limits::DRAIN;
    while Instant::now() < end && (passing.iter().any(Passing::is_busy) || board.is_busy()) {
        sleep(limits::DRAIN_LOOK).await;
    }
}

async fn listens(apps: &[SocketAddr]) -> bool {
    for app in apps {
        if matches!(timeout(limits::DRAIN_LOOK, TcpStream::connect(app)).await, Ok(Ok(_))) {
            return true;
        }
    }
    false
}
