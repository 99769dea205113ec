//! Packets in flight, in order, in one ring of bytes: no allocation a packet, and a bound in bytes.

use std::{collections::VecDeque, time::Instant};

struct Packet {
    due: Instant,
    start: usize,
    length: usize,
}

/// A first-in first-out queue of packets with the time at which each is due.
pub(super) struct Held {
    bytes: Box<[u8]>,
    packets: VecDeque<Packet>,
    tail: usize,
    largest: usize,
}

impl Held {
    /// Room for `capacity` bytes (pages are taken as they are used) in packets of up to `largest` bytes.
    pub(super) fn new(capacity: usize, largest: usize) -> Self {
        assert!(largest < capacity, "one packet fits");
        Self { bytes: vec![0; capacity].into_boxed_slice(), packets: VecDeque::with_capacity(4096), tail: 0, largest }
    }

    /// Where the next packet may be written, room for the largest one; `None` if too much is in flight.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        let start = self.next_start()?;
        Some(&mut self.bytes[start..start + self.largest])
    }

    /// Keeps the first `length` bytes of what was written to [`Held::room`].
    pub(super) fn push(&mut self, length: usize, due: Instant) {
        let start = self.next_start().expect("a packet was written to the room that there was");
        self.packets.push_back(Packet { due, start, length });
        self.tail = start + length;
    }

    /// When the oldest packet is due, and its bytes.
    pub(super) fn front(&self) -> Option<(Instant, &[u8])> {
        let packet = self.packets.front()?;
        Some((packet.due, &self.bytes[packet.start..packet.start + packet.length]))
    }

    /// Forgets the oldest packet.
    pub(super) fn pop(&mut self) {
        self.packets.pop_front();
    }

    /// A packet stands in one piece, so the end of the ring may stay unused. An empty ring starts again at its
    /// beginning: light traffic keeps to pages that are warm.
    fn next_start(&self) -> Option<usize> {
        let Some(head) = self.packets.front().map(|packet| packet.start) else { return Some(0) };
        if self.tail <= head {
            return (self.tail + self.largest <= head).then_some(self.tail);
        }
        if self.tail + self.largest <= self.bytes.len() {
            return Some(self.tail);
        }
        (self.largest <= head).then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_as_they_went_in_however_the_ring_wraps() {
        let due = Instant::now();
        let mut held = Held::new(1000, 100);
        let (mut next_in, mut next_out) = (0u32, 0u32);
        for round in 0..10_000u32 {
            let length = 4 + (round * 37 % 97) as usize;
            if let Some(room) = held.room() {
                room[..4].copy_from_slice(&next_in.to_le_bytes());
                room[4..length].fill(next_in as u8);
                held.push(length, due);
                next_in += 1;
            }
            if round % 3 != 0 || held.room().is_none() {
                let (_, packet) = held.front().expect("something was pushed");
                assert_eq!(packet[..4], next_out.to_le_bytes());
                assert!(packet[4..].iter().all(|byte| *byte == next_out as u8));
                held.pop();
                next_out += 1;
            }
        }
        assert!(next_out > 5_000);
    }

    #[test]
    fn full_is_full_until_something_leaves() {
        let due = Instant::now();
        let mut held = Held::new(1000, 100);
        while held.room().is_some() {
            held.push(100, due);
        }
        assert_eq!(held.packets.len(), 10);
        held.pop();
        assert!(held.room().is_some());
    }
}
