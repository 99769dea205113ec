//! SPDY/3.1 in the messages of the WebSocket, as much of it as one port-forward needs: a stream for data and one for the far
//! end's error (draft-mbelshe-httpbis-spdy-00; Kubernetes KEP 4006). Sans-IO.
//!
//! The borders of messages mean nothing here: what is in them is one stream of frames.

use std::io;

use tokio::io::ReadBuf;

use super::{broken, far_error};
use crate::limits;

/// The sub-protocol to ask for.
pub const PROTOCOL: &str = "SPDY/3.1+portforward.k8s.io";
/// Bytes of a frame before its payload.
pub const HEAD: usize = 8;

const ERROR_STREAM: u32 = 1;
const DATA_STREAM: u32 = 3;
/// The last bytes of a stream.
const FIN: u8 = 1;

const SYN_STREAM: u16 = 1;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

/// What is known of the frames that arrive.
#[derive(Default)]
pub struct Spdy {
    head: [u8; HEAD],
    /// How much of the head is there.
    have: usize,
    /// Bytes of the present frame's payload that are still to come.
    left: usize,
    /// A control frame's payload, as far as it counts.
    control: Vec<u8>,
    said: Vec<u8>,
    ended: bool,
}

/// What asks for the two streams to `port`; the first bytes of the client.
pub fn greeting(port: u16) -> Vec<u8> {
    let mut out = Vec::new();
    let port = port.to_string();
    for (stream, kind) in [(ERROR_STREAM, "error"), (DATA_STREAM, "data")] {
        let block = header_block(&[("streamtype", kind), ("port", &port), ("requestid", "0")]);
        let mut payload = Vec::new();
        payload.extend_from_slice(&stream.to_be_bytes());
        // No stream above it, the highest priority, no slot.
        payload.extend_from_slice(&[0; 6]);
        if stream == ERROR_STREAM {
            payload.extend_from_slice(&ZLIB);
        }
        payload.extend_from_slice(&stored(&block));
        out.extend_from_slice(&control_head(SYN_STREAM, 0, payload.len()));
        out.extend_from_slice(&payload);
        if stream == ERROR_STREAM {
            // Nothing is said on it from here.
            out.extend_from_slice(&data_head(ERROR_STREAM, FIN, 0));
        }
    }
    out
}

/// What comes before `length` bytes of data.
pub fn head(length: usize) -> [u8; HEAD] {
    data_head(DATA_STREAM, 0, length)
}

impl Spdy {
    /// Uses up as much of `chunk` as it can; data goes to `target`, answers to `answer`.
    pub fn take(&mut self, chunk: &[u8], target: &mut ReadBuf<'_>, answer: &mut Vec<u8>) -> io::Result<usize> {
        if self.have < HEAD {
            let count = chunk.len().min(HEAD - self.have);
            self.head[self.have..][..count].copy_from_slice(&chunk[..count]);
            self.have += count;
            if self.have == HEAD {
                self.left = u32::from_be_bytes([0, self.head[5], self.head[6], self.head[7]]) as usize;
                self.finish_if_whole(answer)?;
            }
            return Ok(count);
        }
        let chunk = &chunk[..chunk.len().min(self.left)];
        let count = match self.stream() {
            Some(DATA_STREAM) => {
                let count = chunk.len().min(target.remaining());
                target.put_slice(&chunk[..count]);
                count
            }
            Some(ERROR_STREAM) => {
                keep(&mut self.said, chunk, limits::SAID);
                chunk.len()
            }
            Some(_) => return Err(broken("it sends on a stream that was not asked for")),
            None => {
                keep(&mut self.control, chunk, CONTROL);
                chunk.len()
            }
        };
        self.left -= count;
        self.finish_if_whole(answer)?;
        Ok(count)
    }

    /// Whether the far end has sent all.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// What the far end said on the stream for errors.
    pub fn said(&self) -> &[u8] {
        &self.said
    }

    /// The stream of a data frame; `None` for a control frame.
    fn stream(&self) -> Option<u32> {
        let first = u32::from_be_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]);
        (first >> 31 == 0).then_some(first)
    }

    fn finish_if_whole(&mut self, answer: &mut Vec<u8>) -> io::Result<()> {
        if self.left > 0 {
            return Ok(());
        }
        self.have = 0;
        let control = std::mem::take(&mut self.control);
        let ends = self.head[4] & FIN != 0;
        match self.stream() {
            Some(DATA_STREAM) => self.ended |= ends,
            Some(ERROR_STREAM) if ends && !self.said.is_empty() => return Err(far_error(&self.said)),
            Some(_) => {}
            None => self.obey(u16::from_be_bytes([self.head[2], self.head[3]]), &control, answer)?,
        }
        Ok(())
    }

    fn obey(&mut self, kind: u16, payload: &[u8], answer: &mut Vec<u8>) -> io::Result<()> {
        match kind {
            // A ping of the server's has an even number. Whoever pings without reading the answers gets none beyond these.
            PING if payload.len() == 4 && payload[3] & 1 == 0 && answer.len() < limits::MESSAGE => {
                answer.extend_from_slice(&control_head(PING, 0, 4));
                answer.extend_from_slice(payload);
            }
            RST_STREAM if payload.get(..4) == Some(&DATA_STREAM.to_be_bytes()) => {
                return Err(match self.said.is_empty() {
                    true => io::ErrorKind::ConnectionReset.into(),
                    false => far_error(&self.said),
                });
            }
            GOAWAY => self.ended = true,
            _ => {}
        }
        Ok(())
    }
}

/// As much of a control frame as is looked at.
const CONTROL: usize = 8;

fn keep(kept: &mut Vec<u8>, chunk: &[u8], most: usize) {
    let room = most.saturating_sub(kept.len());
    kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
}

fn control_head(kind: u16, flags: u8, length: usize) -> [u8; HEAD] {
    let [high, low] = kind.to_be_bytes();
    let [_, a, b, c] = (length as u32).to_be_bytes();
    [0x80, 3, high, low, flags, a, b, c]
}

fn data_head(stream: u32, flags: u8, length: usize) -> [u8; HEAD] {
    let [w, x, y, z] = stream.to_be_bytes();
    let [_, a, b, c] = (length as u32).to_be_bytes();
    [w, x, y, z, flags, a, b, c]
}

/// Names and values, each after its length.
fn header_block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    block.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        block.extend_from_slice(&(text.len() as u32).to_be_bytes());
        block.extend_from_slice(text.as_bytes());
    }
    block
}

/// The head of the one zlib stream (RFC 1950) that all header blocks are in: a window of 32 KiB, and the checksum of SPDY/3's
/// dictionary, which nothing of ours refers to.
const ZLIB: [u8; 6] = [0x78, 0x20, 0xe3, 0xc6, 0xa7, 0xc2];

/// A block of the zlib stream that is not compressed, and an empty one that flushes it (RFC 1951, section 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let mut block = vec![0];
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(!length).to_le_bytes());
    block.extend_from_slice(bytes);
    block.extend_from_slice(&[0, 0, 0, 0xff, 0xff]);
    block
}
