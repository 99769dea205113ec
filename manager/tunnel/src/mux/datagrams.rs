//! Datagrams of one flow that wait for its turn.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::frame::{FlowId, Frame, PAYLOAD_HEADER};
use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Datagrams {
    queue: VecDeque<Bytes>,
    bytes: usize,
}

impl Datagrams {
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Says how many old ones had to go.
    pub fn push(&mut self, bytes: Bytes) -> u64 {
        self.bytes += bytes.len();
        self.queue.push_back(bytes);
        let mut dropped = 0;
        while self.queue.len() > limits::QUEUED_DATAGRAMS || self.bytes > limits::QUEUED_DATAGRAM_BYTES {
            let oldest = self.queue.pop_front().expect("the queue is over its bound, so not empty");
            self.bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }

    /// Says how many bytes were sent. The last datagram may go beyond `turn` and `size`: it is never cut.
    pub fn send(&mut self, flow: FlowId, turn: usize, out: &mut BytesMut, size: usize) -> usize {
        let mut sent = 0;
        while sent < turn
            && out.len() < size
            && let Some(bytes) = self.queue.pop_front()
        {
            self.bytes -= bytes.len();
            sent += PAYLOAD_HEADER + bytes.len();
            Frame::Datagram { flow, bytes }.encode(out);
        }
        sent
    }
}
