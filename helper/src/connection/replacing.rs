//! What a connection does beside carrying traffic: it replaces a base that goes away, and looks for a better way.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::sleep;

use super::backoff::Backoff;
use super::joined::Dialled;
use super::{Context, DataPlane as _, Host, Joined, is_lasting};
use crate::limits;
use crate::plane::Way;

/// Something under way, or nothing.
pub type Attempt<'a, T> = Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>;

/// The outcome, once there is one; waits for ever if nothing is under way.
pub async fn outcome<T>(attempt: &mut Attempt<'_, T>) -> T {
    let done = match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    };
    *attempt = None;
    done
}

/// Dials another base until one is there. Flows go on meanwhile.
pub async fn another_base<H: Host>(context: &Context<H>) -> Dialled {
    let mut backoff = Backoff::new();
    loop {
        let wait = match Joined::dial(context, &|_| {}).await {
            Ok(dialled) => return dialled,
            Err(fault) => {
                tracing::debug!(connection = context.wish.id.name, %fault, "no other base yet");
                if is_lasting(fault.code) { limits::RETRY_FAILED } else { backoff.next() }
            }
        };
        sleep(wait).await;
    }
}

/// Looks for a way past the API server until one is taken, or there are none any more. `known` are those that were found out
/// lately. Says whether one was taken.
pub async fn direct_link<H: Host>(context: &Context<H>, known: Vec<Way>, after: Duration) -> bool {
    let mut ways = known;
    let mut wait = limits::RETRY_DIRECT_FIRST;
    sleep(after).await;
    loop {
        let upgraded = match &*context.plane.read().await {
            Some(plane) if !ways.is_empty() => plane.upgrade(ways).await,
            _ => return false,
        };
        let Err(fault) = upgraded else { return true };
        tracing::debug!(connection = context.wish.id.name, %fault, "no way past the API server");
        sleep(wait).await;
        wait = (wait * 2).min(limits::RETRY_DIRECT_LONGEST);
        ways = match context.host.ways(&context.wish, &|_| {}).await {
            Ok(ways) => ways.direct,
            Err(_) => return false,
        };
    }
}
