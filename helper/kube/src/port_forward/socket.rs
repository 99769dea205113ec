//! A WebSocket as it is read and written: messages in, whole messages out, pings answered.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::broken;
use crate::dial::Stream;
use crate::limits;
use crate::websocket::{self, HEAD, Head, Opcode};

/// One end of a WebSocket.
pub struct Socket {
    stream: Box<dyn Stream>,
    input: Input,
    output: Output,
    message: Message,
    closed: bool,
}

/// The message that is being read.
#[derive(Default)]
struct Message {
    /// Bytes left of the present frame.
    left: u64,
    opcode: Option<Opcode>,
    /// The present frame is its last.
    last: bool,
    /// Nothing of it was handed out yet.
    fresh: bool,
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

/// A piece of a message.
pub struct Piece<'a> {
    /// Never empty.
    pub bytes: &'a [u8],
    /// Whether a message begins with it.
    pub begins: bool,
    /// Whether it is the last of its message.
    pub ends: bool,
}

impl Socket {
    /// Goes on after the upgrade; `early` is what the server has sent already.
    pub fn new(stream: Box<dyn Stream>, early: &Bytes) -> Self {
        let mut bytes = vec![0; limits::READ_BUFFER.max(early.len())].into_boxed_slice();
        bytes[..early.len()].copy_from_slice(early);
        Self {
            stream,
            input: Input { bytes, start: 0, end: early.len() },
            output: Output { bytes: Vec::with_capacity(limits::MESSAGE + 2 * HEAD), written: 0, masks: Masks::new() },
            message: Message::default(),
            closed: false,
        }
    }

    /// The next piece that was read already; `None` if more has to be read first, or nothing will come any more.
    pub fn piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        while !self.closed {
            if self.message.left == 0 && !self.next_head()? {
                return Ok(None);
            }
            let Some(opcode) = self.message.opcode else { continue };
            if opcode.is_control() {
                if !self.control(opcode)? {
                    return Ok(None);
                }
                continue;
            }
            if self.message.left == 0 {
                continue;
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            let Message { left, fresh, last, .. } = self.message;
            let bytes = self.input.available(left);
            return Ok(Some(Piece { bytes, begins: fresh, ends: last && bytes.len() as u64 == left }));
        }
        Ok(None)
    }

    /// So much of the last piece is used up.
    pub fn used(&mut self, count: usize) {
        self.message.fresh &= count == 0;
        self.consume(count);
    }

    /// Whether the server has closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Nothing more is expected of the server.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.output.bytes.len()
    }

    /// Queues a message of these parts.
    pub fn queue(&mut self, parts: &[&[u8]]) {
        self.output.frame(Opcode::Binary, parts);
    }

    /// Queues the farewell.
    pub fn queue_close(&mut self) {
        self.output.frame(Opcode::Close, &[]);
    }

    /// Reads more. Says how much; 0 is the end.
    pub fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut free = ReadBuf::new(self.input.free());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut free))?;
        let count = free.filled().len();
        self.input.end += count;
        Poll::Ready(Ok(count))
    }

    /// Writes what waits.
    pub fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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

    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
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
        message.last = head.last;
        message.fresh |= head.opcode != Opcode::Continuation;
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
            Opcode::Close => self.closed = true,
            _ => {}
        }
        Ok(true)
    }

    fn consume(&mut self, count: usize) {
        self.input.start += count;
        self.message.left -= count as u64;
    }
}

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
