//! A TCP connection to a target: bytes go from the socket straight into the next batch, and from the link straight into the socket.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hawser_tunnel::frame::Reason;
use hawser_tunnel::mux::Pull;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::flow::reason;

pub(super) struct TcpFlow {
    stream: TcpStream,
    waker: Waker,
    /// What the socket did not take yet: bounded by the credit that was granted.
    waiting: VecDeque<Bytes>,
    laptop_finished: bool,
    shut_down: bool,
    target_finished: bool,
}

impl TcpFlow {
    pub fn new(stream: TcpStream, waker: Waker) -> Self {
        Self {
            stream,
            waker,
            waiting: VecDeque::new(),
            laptop_finished: false,
            shut_down: false,
            target_finished: false,
        }
    }

    /// Takes bytes from the laptop. Says how many the socket took.
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
        if self.laptop_finished && !self.shut_down {
            self.shut_down = true;
            // The target may have reset the connection already; reading says so.
            let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
        }
        Ok(written)
    }

    /// The laptop has sent all.
    pub fn finish(&mut self) {
        self.laptop_finished = true;
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
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
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
