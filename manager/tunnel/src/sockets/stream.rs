//! A stream to a target: bytes go from the socket straight into the next batch, and from the link straight into the socket.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};

use super::flow::reason;
use crate::frame::Reason;
use crate::mux::Pull;

pub(super) struct StreamFlow {
    stream: Stream,
    waker: Waker,
    /// What the socket did not take yet: bounded by the credit that was granted.
    waiting: VecDeque<Bytes>,
    peer_finished: bool,
    shut_down: bool,
    target_finished: bool,
}

impl StreamFlow {
    pub fn new(stream: Stream, waker: Waker) -> Self {
        Self { stream, waker, waiting: VecDeque::new(), peer_finished: false, shut_down: false, target_finished: false }
    }

    /// Takes bytes from the peer. Says how many the socket took.
    pub fn write(&mut self, mut bytes: Bytes) -> Result<usize, Reason> {
        if !self.waiting.is_empty() {
            self.waiting.push_back(bytes);
            return Ok(0);
        }
        let written = self.write_some(&mut bytes)?;
        if !bytes.is_empty() {
            self.waiting.push_back(bytes);
            return self.flush().map(|more| written + more);
        }
        Ok(written)
    }

    /// Writes what waits, and the end after it. Says how many bytes the socket took.
    pub fn flush(&mut self) -> Result<usize, Reason> {
        let mut written = 0;
        while let Some(mut bytes) = self.waiting.pop_front() {
            written += self.write_some(&mut bytes)?;
            if !bytes.is_empty() {
                self.waiting.push_front(bytes);
                if self.stream.poll_write_ready(&mut Context::from_waker(&self.waker)).is_pending() {
                    return Ok(written);
                }
            }
        }
        if self.peer_finished && !self.shut_down {
            self.shut_down = true;
            // The target may have reset the connection already; reading says so.
            let _ = self.stream.socket().shutdown(std::net::Shutdown::Write);
        }
        Ok(written)
    }

    /// The peer has sent all.
    pub fn finish(&mut self) {
        self.peer_finished = true;
    }

    /// Reads up to `room` bytes.
    pub fn pull(&mut self, room: usize, out: &mut BytesMut) -> Result<Pull, Reason> {
        if self.target_finished {
            return Ok(Pull::Empty);
        }
        let mut left = room;
        while left > 0 {
            match self.stream.try_read_buf(&mut (&mut *out).limit(left)) {
                Ok(0) => {
                    self.target_finished = true;
                    return Ok(Pull::End);
                }
                Ok(read) => left -= read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.stream.poll_read_ready(&mut Context::from_waker(&self.waker)) {
                        Poll::Pending => return Ok(Pull::Empty),
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Err(reason(&error)),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(reason(&error)),
            }
        }
        Ok(Pull::More)
    }

    pub fn is_finished(&self) -> bool {
        self.target_finished && self.shut_down
    }

    /// Closes with a reset.
    pub fn abort(self) {
        self.stream.reset();
    }

    fn write_some(&self, bytes: &mut Bytes) -> Result<usize, Reason> {
        let mut written = 0;
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(count) => {
                    bytes.advance(count);
                    written += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(reason(&error)),
            }
        }
        Ok(written)
    }
}

/// A connected socket that speaks a stream.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn try_read_buf(&self, out: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_buf(out),
            Self::Unix(stream) => stream.try_read_buf(out),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(context),
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(context),
            Self::Unix(stream) => stream.poll_write_ready(context),
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream),
            Self::Unix(stream) => SockRef::from(stream),
        }
    }

    /// Closes with a reset, where there is such a thing.
    pub fn reset(self) {
        if let Self::Tcp(stream) = self {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
}
