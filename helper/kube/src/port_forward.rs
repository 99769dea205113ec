//! A byte stream to a port of a pod, through the API server's port-forward: a WebSocket with one of two sub-protocols in it.
//!
//! SPDY/3.1 is what kubectl speaks since Kubernetes 1.31; it uploads at about twice the speed of the other, which older servers
//! know, because container runtimes read its frames without growing a buffer for each.

mod channels;
mod socket;
mod spdy;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::dial::Stream;
use crate::limits;
use channels::Channels;
use socket::Socket;
use spdy::Spdy;

/// Which sub-protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SPDY/3.1.
    Spdy,
    /// Messages of numbered channels.
    Channels,
}

/// An open port-forward to one port of a pod. End of file is the end of the connection in the pod.
pub struct PortForward {
    socket: Socket,
    framing: Framing,
    /// Answers of the framing that wait for their message.
    answer: Vec<u8>,
    said_goodbye: bool,
}

enum Framing {
    Spdy(Spdy),
    Channels(Channels),
}

impl Protocol {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Spdy, Self::Channels];

    /// What it is called in the upgrade.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spdy => spdy::PROTOCOL,
            Self::Channels => channels::PROTOCOL,
        }
    }
}

impl PortForward {
    /// Goes on after the upgrade; `early` is what the server has sent already.
    pub(crate) fn new(stream: Box<dyn Stream>, early: &Bytes, protocol: Protocol, port: u16) -> Self {
        let mut socket = Socket::new(stream, early);
        let framing = match protocol {
            Protocol::Spdy => {
                socket.queue(&[&spdy::greeting(port)]);
                Framing::Spdy(Spdy::default())
            }
            Protocol::Channels => Framing::Channels(Channels::default()),
        };
        Self { socket, framing, answer: Vec::new(), said_goodbye: false }
    }

    /// Which sub-protocol the server chose.
    pub fn protocol(&self) -> Protocol {
        match self.framing {
            Framing::Spdy(_) => Protocol::Spdy,
            Framing::Channels(_) => Protocol::Channels,
        }
    }

    /// Uses up what was read until `target` is full. `false` if there is nothing for it yet.
    fn digest(&mut self, target: &mut ReadBuf<'_>) -> io::Result<bool> {
        let before = target.filled().len();
        while target.remaining() > 0 && !self.is_ended() {
            let Some(piece) = self.socket.piece()? else { break };
            let used = match &mut self.framing {
                Framing::Spdy(spdy) => spdy.take(piece.bytes, target, &mut self.answer)?,
                Framing::Channels(channels) => {
                    if piece.begins {
                        channels.begin();
                    }
                    channels.take(piece.bytes, piece.ends, target)?
                }
            };
            self.socket.used(used);
        }
        if !self.answer.is_empty() && self.socket.waiting() < limits::MESSAGE {
            self.socket.queue(&[&std::mem::take(&mut self.answer)]);
        }
        if target.filled().len() > before {
            return Ok(true);
        }
        match self.is_ended() {
            true => self.end().map(|()| true),
            false => Ok(target.remaining() == 0),
        }
    }

    fn is_ended(&self) -> bool {
        self.socket.is_closed() || matches!(&self.framing, Framing::Spdy(spdy) if spdy.is_ended())
    }

    /// The end of the stream, or the reason that the far end gave for it.
    fn end(&self) -> io::Result<()> {
        let said = match &self.framing {
            Framing::Spdy(spdy) => spdy.said(),
            Framing::Channels(channels) => channels.said(),
        };
        if said.is_empty() { Ok(()) } else { Err(far_error(said)) }
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
            if this.socket.waiting() > 0 && this.socket.poll_drain(context)?.is_ready() {
                let _ = this.socket.poll_flush(context)?;
            }
            if done {
                return Poll::Ready(Ok(()));
            }
            if ready!(this.socket.poll_fill(context))? == 0 {
                return Poll::Ready(this.end());
            }
        }
    }
}

/// Slices that one message is made of at most.
const SLICES: usize = 32;

impl AsyncWrite for PortForward {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.socket.poll_drain(context))?;
        let mut parts: [&[u8]; SLICES + 1] = [&[]; SLICES + 1];
        let mut count = 0;
        for (part, slice) in parts[1..].iter_mut().zip(slices) {
            *part = &slice[..slice.len().min(limits::MESSAGE - count)];
            count += part.len();
        }
        if count == 0 {
            return Poll::Ready(Ok(0));
        }
        let head = spdy::head(count);
        parts[0] = match self.protocol() {
            Protocol::Spdy => &head,
            Protocol::Channels => &channels::HEAD,
        };
        self.socket.queue(&parts);
        // The message is taken, whether or not all of it goes out at once.
        let _ = self.socket.poll_drain(context)?;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_drain(context))?;
        self.socket.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_drain(context))?;
        if !self.said_goodbye {
            self.said_goodbye = true;
            self.socket.close();
            self.socket.queue_close();
            ready!(self.socket.poll_drain(context))?;
        }
        self.socket.poll_shutdown(context)
    }
}

/// What the far end said of its failure, as an error.
fn far_error(said: &[u8]) -> io::Error {
    let said = String::from_utf8_lossy(said);
    let kind =
        if said.contains("refused") { io::ErrorKind::ConnectionRefused } else { io::ErrorKind::ConnectionAborted };
    io::Error::new(kind, said.trim().to_owned())
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the API server breaks the protocol: {why}"))
}

#[cfg(test)]
mod tests;
