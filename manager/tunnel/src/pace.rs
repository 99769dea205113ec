//! Holding small batches back for a moment, so that several go as one.
//!
//! Where each write costs more than the bytes in it (an API server's port-forward: three programs read and write it, about
//! 100 us of processor time together), a batch that comes soon after the last one waits for the rest of an interval. One
//! that comes after a pause, or is big, goes at once. The interval grows while waiting gathers something and shrinks while it
//! does not: many flows share what few messages cost, and who talks one word at a time waits for nothing.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::limits;
use crate::platform::Timer;

/// The rhythm of a link.
pub struct Pace {
    interval: Duration,
    longest: Duration,
    last: Option<Instant>,
    held: BytesMut,
    /// How often something was added to what is held.
    added: u32,
    timer: Timer,
}

impl Pace {
    /// Small batches wait for `longest` at most, which is cut to [`limits::LONGEST_PACE`].
    ///
    /// # Errors
    /// Fails if the process has no descriptor left.
    pub fn new(longest: Duration) -> std::io::Result<Self> {
        let longest = longest.min(limits::LONGEST_PACE);
        let interval = longest.min(limits::SHORTEST_PACE);
        Ok(Self { interval, longest, last: None, held: BytesMut::new(), added: 0, timer: Timer::new()? })
    }

    /// What is held back; empty if nothing is.
    pub fn take(&mut self) -> BytesMut {
        std::mem::take(&mut self.held)
    }

    /// Says whether a batch may go, which begins with `held` bytes that were held back before. If it may not, it is kept, and the
    /// caller woken when it may.
    pub fn poll_release(
        &mut self,
        batch: BytesMut,
        held: usize,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Poll<BytesMut> {
        self.added += u32::from(held > 0 && batch.len() > held);
        let due = self.last.map(|last| last + self.interval).filter(|due| *due > now);
        if let Some(due) = due
            && batch.len() < limits::BIG_BATCH
            && self.timer.poll_until(due, context).is_pending()
        {
            self.held = batch;
            return Poll::Pending;
        }
        if held > 0 {
            self.learn();
        }
        self.last = Some(now);
        Poll::Ready(batch)
    }

    /// Was it worth the wait?
    fn learn(&mut self) {
        self.interval = match std::mem::take(&mut self.added) {
            0 => (self.interval / 2).max(limits::SHORTEST_PACE),
            1 => self.interval,
            _ => self.interval * 2,
        }
        .min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Sends a batch of so many bytes, to which others come while it waits. Says whether it waited.
    async fn send(pace: &mut Pace, bytes: usize, others: usize) -> bool {
        let begun = Instant::now();
        let (mut whole, mut others) = (bytes, others);
        let sent = poll_fn(|context| {
            let held = pace.take().len();
            if held > 0 && others > 0 {
                (whole, others) = (whole + 1, others - 1);
            }
            if others > 0 {
                context.waker().wake_by_ref();
            }
            pace.poll_release(BytesMut::zeroed(whole), held, Instant::now(), context)
        });
        assert_eq!(sent.await.len(), whole);
        begun.elapsed() >= limits::SHORTEST_PACE / 2
    }

    #[tokio::test]
    async fn what_comes_soon_after_waits_and_the_rest_does_not() {
        let mut pace = Pace::new(limits::LONGEST_PACE).unwrap();
        assert!(!send(&mut pace, 10, 0).await);
        assert!(send(&mut pace, 10, 0).await);
        assert!(!send(&mut pace, limits::BIG_BATCH, 0).await);
        std::thread::sleep(limits::LONGEST_PACE);
        assert!(!send(&mut pace, 10, 0).await);
    }

    #[tokio::test]
    async fn the_interval_grows_while_it_gathers_and_shrinks_while_it_does_not() {
        let mut pace = Pace::new(limits::LONGEST_PACE).unwrap();
        for _ in 0..20 {
            send(&mut pace, 10, 3).await;
        }
        assert_eq!(pace.interval, limits::LONGEST_PACE);
        for _ in 0..20 {
            send(&mut pace, 10, 0).await;
        }
        assert_eq!(pace.interval, limits::SHORTEST_PACE);
    }
}
