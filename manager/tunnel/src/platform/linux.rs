//! Linux: a timer by timerfd (timerfd_create(2)).

use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

struct Descriptor(TimerFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// A timer that keeps to microseconds; tokio's own go by milliseconds.
pub struct Timer {
    descriptor: AsyncFd<Descriptor>,
    armed: Option<Instant>,
}

impl Timer {
    /// A timer that is not armed. Belongs to the present runtime.
    ///
    /// # Errors
    /// Fails if the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let descriptor = Descriptor(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        // SAFETY: the descriptor is owned by the AsyncFd and closed with it.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { descriptor, armed: None })
    }

    /// Ready once `due` has come. Only the last caller is woken.
    pub fn poll_until(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            // Zero would disarm it.
            if left.is_zero() || (self.armed != Some(due) && self.arm(due, left).is_err()) {
                return Poll::Ready(());
            }
            match ready!(self.descriptor.poll_read_ready(context)) {
                Ok(mut guard) => guard.clear_ready(),
                Err(_) => return Poll::Ready(()),
            }
        }
    }

    fn arm(&mut self, due: Instant, left: Duration) -> io::Result<()> {
        let after = Expiration::OneShot(TimeSpec::from_duration(left));
        self.descriptor.get_ref().0.set(after, TimerSetTimeFlags::empty())?;
        self.armed = Some(due);
        Ok(())
    }
}
