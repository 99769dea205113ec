//! Dials of one connection that are under way at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use hawser_fault::Fault;
use tokio::time::Instant;

use super::joined::{Dialled, Joined};
use super::{Context, Host};
use crate::limits;

/// At most [`limits::DIALS`] of them. The first one is never given up for another, so that what takes long comes to an end however
/// often the host changes.
pub(super) struct Dials<'a, H: Host> {
    context: &'a Context<H>,
    under_way: Vec<(Instant, Dial<'a>)>,
    last_began: Option<Instant>,
}

type Dial<'a> = Pin<Box<dyn Future<Output = Result<Dialled, Fault>> + Send + 'a>>;

impl<'a, H: Host> Dials<'a, H> {
    pub fn new(context: &'a Context<H>) -> Self {
        Self { context, under_way: Vec::new(), last_began: None }
    }

    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// When the last one began.
    pub fn last_began(&self) -> Option<Instant> {
        self.last_began
    }

    /// Begins another one.
    pub fn begin(&mut self) {
        let (context, now) = (self.context, Instant::now());
        self.under_way.truncate(limits::DIALS - 1);
        let dial = async move { Joined::dial(context, &|step| context.step(step)).await };
        self.under_way.push((now, Box::pin(dial)));
        self.last_began = Some(now);
    }

    /// Gives all of them up.
    pub fn end(&mut self) {
        self.under_way.clear();
    }

    /// The next one that comes to an end, and when it began. Waits for ever if there is none.
    pub async fn outcome(&mut self) -> (Instant, Result<Dialled, Fault>) {
        poll_fn(|task| {
            for place in 0..self.under_way.len() {
                let (began, dial) = &mut self.under_way[place];
                if let Poll::Ready(outcome) = dial.as_mut().poll(task) {
                    let began = *began;
                    drop(self.under_way.remove(place));
                    return Poll::Ready((began, outcome));
                }
            }
            Poll::Pending
        })
        .await
    }
}
