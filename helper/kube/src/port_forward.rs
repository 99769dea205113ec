//! A byte stream to a port of a pod: the API server's port-forward with the sub-protocol `v4.channel.k8s.io`.
//!
//! Each message begins with the number of a channel: 0 carries data, 1 the far end's error. The first message of each channel
//! from the server is the port, in two bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::Stream;
use crate::limits;
use crate::websocket::{self, HEAD, Head, Opcode};

/// The sub-protocol to ask for.
pub const PROTOCOL: &str = "v4.channel.k8s.io";

const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes of the port at the beginning of each channel.
const PORT: u8 = 2;

/// An open port-forward to one port of a pod. End of file is the end of the connection in the pod.
pub struct PortForward {
    stream: Box<dyn Stream>,
    input: Input,
    output: Output,
    message: Message,
    /// What is left of the port, by channel.
    ports: [u8; 2],
    said: Vec<u8>,
    closed: bool,
}

/// The message that is being read.
#[derive(Default)]
struct Message {
    /// Bytes left of the present frame.
    left: u64,
    opcode: Option<Opcode>,
    last: bool,
    /// Which channel; `None` before its byte was read.
    channel: Option<u8>,
    control: Vec<u8>,
}

/// Bytes read and not yet used.
struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

/// Bytes framed and not yet written; at most one message and answers to pings.
struct Output {
    bytes: Vec<u8>,
    written: usize,
    masks: Masks,
}

impl PortForward {
    /// Goes on after the upgrade; `early` is what the server has sent already.
    pub(crate) fn new(stream: Box<dyn Stream>, early: &Bytes) -> Self {
        let mut bytes = vec![0; limits::READ_BUFFER.max(early.len())].into_boxed_slice();
        bytes[..early.len()].copy_from_slice(early);
        Self {
            stream,
            input: Input { bytes, start: 0, end: early.len() },
            output: Output { bytes: Vec::with_capacity(limits::MESSAGE + 2 * HEAD), written: 0, masks: Masks::new() },
            message: Message::default(),
            ports: [PORT; 2],
            said: Vec::new(),
            closed: false,
        }
    }

    /// Uses up what was read until there is data for `target`. `false` if more has to be read first.
    fn digest(&mut self, target: &mut ReadBuf<'_>) -> io::Result<bool> {
        while !self.closed {
            if self.message.left == 0 && !self.next_head()? {
                return Ok(false);
            }
            let Some(opcode) = self.message.opcode else { continue };
            if opcode.is_control() {
                if !self.control(opcode)? {
                    return Ok(false);
                }
                continue;
            }
            if self.message.left == 0 {
                continue;
            }
            if self.input.is_empty() {
                return Ok(false);
            }
            let channel = match self.message.channel {
                Some(channel) => channel,
                None => {
                    self.message.channel = Some(self.input.take_byte());
                    self.message.left -= 1;
                    continue;
                }
            };
            let chunk = self.input.available(self.message.left);
            match channel {
                DATA | ERROR if self.ports[usize::from(channel)] > 0 => {
                    self.ports[usize::from(channel)] -= 1;
                    self.consume(1);
                }
                DATA => {
                    let count = chunk.len().min(target.remaining());
                    target.put_slice(&chunk[..count]);
                    self.consume(count);
                    return Ok(true);
                }
                ERROR => {
                    let (count, room) = (chunk.len(), limits::SAID.saturating_sub(self.said.len()));
                    self.said.extend_from_slice(&chunk[..count.min(room)]);
                    self.consume(count);
                    if self.message.left == 0 && self.message.last {
                        return Err(self.error());
                    }
                }
                _ => return Err(broken("it speaks on a channel that was not asked for")),
            }
        }
        Ok(true)
    }

    /// Reads the next head. `false` if its bytes are not all there.
    fn next_head(&mut self) -> io::Result<bool> {
        let Some((head, taken)) = Head::parse(self.input.unread()).map_err(broken)? else { return Ok(false) };
        self.input.start += taken;
        let message = &mut self.message;
        message.left = head.length;
        if head.opcode.is_control() {
            message.opcode = Some(head.opcode);
            message.control.clear();
            return Ok(true);
        }
        if head.opcode != Opcode::Continuation {
            message.channel = None;
        }
        message.last = head.last;
        message.opcode = Some(Opcode::Binary);
        Ok(true)
    }

    /// Collects a control frame and obeys it. `false` if its bytes are not all there.
    fn control(&mut self, opcode: Opcode) -> io::Result<bool> {
        let chunk = self.input.available(self.message.left);
        self.message.control.extend_from_slice(chunk);
        let count = chunk.len();
        self.consume(count);
        if self.message.left > 0 {
            return Ok(false);
        }
        self.message.opcode = None;
        match opcode {
            // Whoever pings without reading the answers gets none beyond these.
            Opcode::Ping if self.output.bytes.len() < limits::MESSAGE => {
                self.output.frame(Opcode::Pong, &[&self.message.control]);
            }
            Opcode::Close => {
                self.closed = true;
                if !self.said.is_empty() {
                    return Err(self.error());
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn consume(&mut self, count: usize) {
        self.input.start += count;
        self.message.left -= count as u64;
    }

    fn error(&self) -> io::Error {
        let said = String::from_utf8_lossy(&self.said);
        let kind =
            if said.contains("refused") { io::ErrorKind::ConnectionRefused } else { io::ErrorKind::ConnectionAborted };
        io::Error::new(kind, said.trim().to_owned())
    }

    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.output.written < self.output.bytes.len() {
            let unwritten = &self.output.bytes[self.output.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(context, unwritten))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.output.written += count,
            }
        }
        self.output.bytes.clear();
        self.output.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for PortForward {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let done = this.digest(target)?;
            if !this.output.bytes.is_empty() && this.poll_drain(context)?.is_ready() {
                let _ = Pin::new(&mut this.stream).poll_flush(context)?;
            }
            if done {
                return Poll::Ready(Ok(()));
            }
            let mut free = ReadBuf::new(this.input.free());
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut free))?;
            match free.filled().len() {
                0 if this.said.is_empty() => return Poll::Ready(Ok(())),
                0 => return Poll::Ready(Err(this.error())),
                count => this.input.end += count,
            }
        }
    }
}

impl AsyncWrite for PortForward {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(context))?;
        let mut parts: [&[u8]; SLICES + 1] = [&[]; SLICES + 1];
        parts[0] = &[DATA];
        let mut count = 0;
        for (part, slice) in parts[1..].iter_mut().zip(slices) {
            *part = &slice[..slice.len().min(limits::MESSAGE - count)];
            count += part.len();
        }
        if count == 0 {
            return Poll::Ready(Ok(0));
        }
        self.output.frame(Opcode::Binary, &parts);
        // The message is taken, whether or not all of it goes out at once.
        let _ = self.poll_drain(context)?;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        if !self.closed {
            self.closed = true;
            self.output.frame(Opcode::Close, &[]);
            ready!(self.poll_drain(context))?;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Slices that one message is made of at most.
const SLICES: usize = 32;

impl Input {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// As much of the next `most` bytes as is there.
    fn available(&self, most: u64) -> &[u8] {
        let unread = self.unread();
        &unread[..usize::try_from(most).map_or(unread.len(), |most| most.min(unread.len()))]
    }

    fn take_byte(&mut self) -> u8 {
        self.start += 1;
        self.bytes[self.start - 1]
    }

    /// Room for more; never empty, since at most a head stays unread.
    fn free(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.bytes[self.end..]
    }
}

impl Output {
    fn frame(&mut self, opcode: Opcode, parts: &[&[u8]]) {
        let mask = self.masks.next();
        websocket::encode(opcode, parts, mask, &mut self.bytes);
    }
}

/// Unpredictable masks (RFC 6455, section 5.3), drawn many at a time.
struct Masks {
    random: SystemRandom,
    drawn: [u8; 1024],
    used: usize,
}

impl Masks {
    fn new() -> Self {
        Self { random: SystemRandom::new(), drawn: [0; 1024], used: 1024 }
    }

    fn next(&mut self) -> [u8; 4] {
        if self.used == self.drawn.len() {
            self.random.fill(&mut self.drawn).expect("the system has random numbers");
            self.used = 0;
        }
        self.used += 4;
        self.drawn[self.used - 4..self.used].try_into().expect("four bytes")
    }
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the API server breaks the WebSocket protocol: {why}"))
}

#[cfg(test)]
mod tests;
