//! The life of a link whose flows are sockets.

use std::time::Instant;

use tokio::sync::watch;

use super::Sockets;
use crate::error::LinkError;
use crate::limits;
use crate::link::{Link, Shared};

/// Serves a link until it ends, or until a moment after `stopping` has become true. Says why it ended. Its flows end with it, and
/// with this future.
pub async fn serve(sockets: Shared<Sockets>, mut link: Link, mut stopping: watch::Receiver<bool>) -> LinkError {
    {
        let sockets = sockets.lock();
        sockets.ready.drive(link.waker());
        sockets.opener.drive(link.waker());
    }
    let _closing = Closing(sockets.clone());
    let mut drain: Option<Drain> = None;
    loop {
        let mut deadline = sockets.lock().next_deadline();
        if let Some(drain) = &drain {
            if drain.is_over(sockets.lock().carried.flows.is_empty()) {
                break LinkError::GoingAway;
            }
            deadline = deadline.min(drain.next());
        }
        tokio::select! {
            biased;
            bytes = link.receive() => {
                let result = match bytes {
                    Ok(bytes) => sockets.lock().receive(bytes, Instant::now()).map_err(LinkError::from),
                    Err(error) => Err(error),
                };
                if let Err(error) = result {
                    break error;
                }
                resolve(&sockets, &link);
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                if let Err(error) = sockets.lock().tick(Instant::now()) {
                    break error;
                }
            }
            Ok(_) = stopping.wait_for(|stop| *stop), if drain.is_none() => {
                sockets.lock().mux.go_away();
                drain = Some(Drain { began: Instant::now() });
            }
        }
        link.wake();
    }
}

/// Ends the flows when it is dropped.
struct Closing(Shared<Sockets>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().close();
    }
}

/// The time between the farewell and the end.
struct Drain {
    began: Instant,
}

impl Drain {
    fn is_over(&self, no_flows: bool) -> bool {
        let time = if no_flows { limits::FAREWELL } else { limits::DRAIN };
        self.began.elapsed() >= time
    }

    /// When that may be another.
    fn next(&self) -> Instant {
        let farewell = self.began + limits::FAREWELL;
        if Instant::now() < farewell { farewell } else { self.began + limits::DRAIN }
    }
}

/// Hands new queries to the resolver.
fn resolve(sockets: &Shared<Sockets>, link: &Link) {
    let queries = std::mem::take(&mut sockets.lock().queries);
    for (id, message) in queries {
        let (sockets, waker) = (sockets.clone(), link.waker());
        let gate = sockets.lock().gate.clone();
        tokio::spawn(async move {
            let answer = tokio::time::timeout(limits::QUERY_TIME, gate.resolve(message)).await.ok().flatten();
            sockets.lock().answer(id, answer);
            waker.wake();
        });
    }
}
