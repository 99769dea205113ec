//! Two ends in one process: what a flow of one link hands to a flow of another.
//!
//! Each end may live on a thread of its own. A writer's bytes count as gone when the other end has taken them, so that credit
//! reaches from one link through to the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use parking_lot::Mutex;

use crate::frame::Reason;
use crate::limits;
use crate::mux::Pull;

/// One end. Dropping it resets the flow unless both directions have ended.
#[derive(Debug)]
pub struct End {
    pipe: Arc<Mutex<[Half; 2]>>,
    side: usize,
}

/// What is on its way to one end, and what that end has to know of its own writes.
#[derive(Debug, Default)]
struct Half {
    bytes: VecDeque<Bytes>,
    datagrams: VecDeque<Bytes>,
    datagram_bytes: usize,
    /// No more bytes come.
    ended: bool,
    /// The end of the stream was seen by this end.
    seen_end: bool,
    /// Bytes that this end wrote and the other one has taken since this end was last told.
    taken: usize,
    reset: Option<Reason>,
    /// What the other end said to this one's asking.
    answer: Option<Result<u32, Reason>>,
    waker: Option<Waker>,
    /// The waker was woken and this end has not looked since.
    told: bool,
}

impl Half {
    /// The waker, if this end does not know yet that something has changed.
    fn tell(&mut self) -> Option<Waker> {
        if std::mem::replace(&mut self.told, self.waker.is_some()) { None } else { self.waker.clone() }
    }

    fn listen(&mut self, waker: &Waker) {
        self.told = false;
        self.waker = Some(waker.clone());
    }
}

/// A pipe with two equal ends.
pub fn pipe() -> (End, End) {
    let pipe = Arc::new(Mutex::default());
    (End { pipe: pipe.clone(), side: 0 }, End { pipe, side: 1 })
}

impl End {
    /// Puts bytes on their way. They are held until the other end takes them: who writes keeps to a credit.
    pub fn write(&self, bytes: Bytes) -> Result<(), Reason> {
        self.with_other(|own, other| match own.reset {
            Some(reason) => Err(reason),
            None => {
                other.bytes.push_back(bytes);
                Ok(())
            }
        })
    }

    /// Nothing more is written.
    pub fn finish(&self) {
        self.with_other(|_, other| other.ended = true);
    }

    /// Appends at most `room` bytes to `out`.
    pub fn pull(&self, room: usize, out: &mut BytesMut) -> Result<Pull, Reason> {
        self.with_other(|own, other| {
            let mut left = room;
            while left > 0
                && let Some(bytes) = own.bytes.front_mut()
            {
                let count = bytes.len().min(left);
                out.put_slice(&bytes[..count]);
                bytes.advance(count);
                left -= count;
                other.taken += count;
                if bytes.is_empty() {
                    own.bytes.pop_front();
                }
            }
            match (own.bytes.is_empty(), own.reset) {
                (false, _) => Ok(Pull::More),
                (true, Some(reason)) => Err(reason),
                (true, None) if own.ended => {
                    own.seen_end = true;
                    Ok(Pull::End)
                }
                (true, None) => Ok(Pull::Empty),
            }
        })
    }

    /// Bytes that the other end has taken since the last call.
    pub fn taken(&self) -> Result<usize, Reason> {
        let mut pipe = self.pipe.lock();
        let own = &mut pipe[self.side];
        match own.reset {
            Some(reason) => Err(reason),
            None => Ok(std::mem::take(&mut own.taken)),
        }
    }

    /// Puts a datagram on its way. Beyond the bounds the oldest is dropped; says how many were.
    pub fn send(&self, datagram: Bytes) -> Result<u64, Reason> {
        self.with_other(|own, other| {
            if let Some(reason) = own.reset {
                return Err(reason);
            }
            other.datagram_bytes += datagram.len();
            other.datagrams.push_back(datagram);
            let mut dropped = 0;
            while other.datagrams.len() > limits::QUEUED_DATAGRAMS
                || other.datagram_bytes > limits::QUEUED_DATAGRAM_BYTES
            {
                let Some(oldest) = other.datagrams.pop_front() else { break };
                other.datagram_bytes -= oldest.len();
                dropped += 1;
            }
            Ok(dropped)
        })
    }

    /// The next datagram; `waker` is woken when there is one.
    pub fn poll_datagram(&self, waker: &Waker) -> Poll<Result<Bytes, Reason>> {
        let mut pipe = self.pipe.lock();
        let own = &mut pipe[self.side];
        own.listen(waker);
        match (own.datagrams.pop_front(), own.reset) {
            (Some(datagram), _) => {
                own.datagram_bytes -= datagram.len();
                Poll::Ready(Ok(datagram))
            }
            (None, Some(reason)) => Poll::Ready(Err(reason)),
            (None, None) => Poll::Pending,
        }
    }

    /// Answers the other end's asking: the flow is there after this many microseconds, or why it is not.
    pub fn answer(&self, answer: Result<u32, Reason>) {
        self.with_other(|_, other| other.answer = Some(answer));
    }

    /// What the other end answered: microseconds to the target, or why it cannot be had. `waker` is woken when it is there.
    pub fn poll_answer(&self, waker: &Waker) -> Poll<Result<u32, Reason>> {
        let mut pipe = self.pipe.lock();
        let own = &mut pipe[self.side];
        own.listen(waker);
        match (own.answer.take(), own.reset) {
            (Some(answer), _) => Poll::Ready(answer),
            (None, Some(reason)) => Poll::Ready(Err(reason)),
            (None, None) => Poll::Pending,
        }
    }

    /// Wakes `waker` at the next thing that the other end does. To be called before this end looks.
    pub fn listen(&self, waker: &Waker) {
        self.pipe.lock()[self.side].listen(waker);
    }

    /// Ends both directions at once.
    pub fn reset(&self, reason: Reason) {
        self.with_other(|own, other| {
            let done = own.seen_end && other.seen_end;
            if !done && other.reset.is_none() {
                other.reset = Some(reason);
            }
            other.bytes.clear();
        });
    }

    /// Does something to both halves and wakes the other end.
    fn with_other<T>(&self, change: impl FnOnce(&mut Half, &mut Half) -> T) -> T {
        let (result, waker) = {
            let mut pipe = self.pipe.lock();
            let [first, second] = &mut *pipe;
            let (own, other) = if self.side == 0 { (first, second) } else { (second, first) };
            let result = change(own, other);
            (result, other.tell())
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let over = {
            let pipe = self.pipe.lock();
            pipe[self.side].seen_end && pipe[1 - self.side].ended
        };
        if !over {
            self.reset(Reason::Reset);
        }
    }
}
