//! Datagrams that the kernel had to cut (RFC 791, section 3.2; RFC 8200, section 4.5). Overlaps are an attack: the datagram is
//! dropped (RFC 5722).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use smoltcp::wire::IpProtocol;

use crate::limits::{REASSEMBLIES, REASSEMBLY_BYTES, REASSEMBLY_TIME};
use crate::packet::Packet;

/// Fragments that wait for the rest of their datagram.
#[derive(Default)]
pub struct Reassembly {
    partial: VecDeque<Partial>,
    bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(IpAddr, IpAddr, IpProtocol, u32);

struct Partial {
    key: Key,
    begun: Instant,
    pieces: Vec<(usize, Vec<u8>)>,
    total: Option<usize>,
}

/// Largest payload of an IP packet.
const LARGEST: usize = 65_535;

impl Reassembly {
    /// Takes a fragment and returns the datagram's payload if it is whole now.
    pub fn push(&mut self, packet: &Packet<'_>, now: Instant) -> Option<Vec<u8>> {
        let fragment = packet.fragment?;
        self.expire(now);
        let end = fragment.offset + packet.payload.len();
        let aligned = !fragment.more || packet.payload.len().is_multiple_of(8);
        if end > LARGEST || packet.payload.is_empty() || !aligned {
            return None;
        }
        let key = Key(packet.source, packet.destination, packet.protocol, fragment.identification);
        let mut partial = match self.partial.iter().position(|partial| partial.key == key) {
            Some(index) => self.remove(index)?,
            None => Partial { key, begun: now, pieces: Vec::new(), total: None },
        };
        let overlaps = partial.pieces.iter().any(|(at, bytes)| fragment.offset < at + bytes.len() && *at < end);
        let beyond = partial.total.is_some_and(|total| end > total || !fragment.more);
        if overlaps || beyond {
            return None;
        }
        if !fragment.more {
            partial.total = Some(end);
        }
        partial.pieces.push((fragment.offset, packet.payload.to_vec()));
        match partial.whole() {
            Some(payload) => Some(payload),
            None => {
                self.keep(partial);
                None
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        while self.partial.front().is_some_and(|oldest| now.saturating_duration_since(oldest.begun) > REASSEMBLY_TIME) {
            self.remove(0);
        }
    }

    fn keep(&mut self, partial: Partial) {
        self.bytes += partial.bytes();
        let place = self.partial.partition_point(|other| other.begun <= partial.begun);
        self.partial.insert(place, partial);
        while self.partial.len() > REASSEMBLIES || self.bytes > REASSEMBLY_BYTES {
            self.remove(0);
        }
    }

    fn remove(&mut self, index: usize) -> Option<Partial> {
        let partial = self.partial.remove(index)?;
        self.bytes -= partial.bytes();
        Some(partial)
    }
}

impl Partial {
    fn bytes(&self) -> usize {
        self.pieces.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    fn whole(&mut self) -> Option<Vec<u8>> {
        if self.total != Some(self.bytes()) {
            return None;
        }
        self.pieces.sort_unstable_by_key(|(at, _)| *at);
        Some(self.pieces.iter().flat_map(|(_, bytes)| bytes).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Fragment;

    fn push(
        reassembly: &mut Reassembly,
        id: u32,
        offset: usize,
        payload: &[u8],
        more: bool,
        now: Instant,
    ) -> Option<Vec<u8>> {
        let packet = Packet {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol: IpProtocol::Udp,
            payload,
            fragment: Some(Fragment { identification: id, offset, more }),
        };
        reassembly.push(&packet, now)
    }

    #[test]
    fn any_order_will_do() {
        let (mut reassembly, now) = (Reassembly::default(), Instant::now());
        assert_eq!(push(&mut reassembly, 1, 16, b"end", false, now), None);
        assert_eq!(push(&mut reassembly, 1, 0, b"01234567", true, now), None);
        assert_eq!(push(&mut reassembly, 1, 8, b"89abcdef", true, now).unwrap(), b"0123456789abcdefend");
        assert_eq!((reassembly.bytes, reassembly.partial.len()), (0, 0));
    }

    #[test]
    fn overlaps_and_late_ends_drop_the_datagram() {
        let (mut reassembly, now) = (Reassembly::default(), Instant::now());
        push(&mut reassembly, 1, 0, b"0123456789abcdef", true, now);
        assert_eq!(push(&mut reassembly, 1, 8, b"89abcdef", true, now), None);
        assert_eq!(reassembly.partial.len(), 0);
        assert_eq!(push(&mut reassembly, 2, 65_528, b"0123456789", false, now), None, "beyond the largest datagram");
    }

    #[test]
    fn what_never_ends_is_bounded_in_number_bytes_and_time() {
        let (mut reassembly, now) = (Reassembly::default(), Instant::now());
        for id in 0..1000 {
            push(&mut reassembly, id, 0, &[0; 65_000], true, now);
            assert!(reassembly.bytes <= REASSEMBLY_BYTES && reassembly.partial.len() <= REASSEMBLIES);
        }
        push(&mut reassembly, 1, 0, &[0; 8], true, now + REASSEMBLY_TIME * 2);
        assert_eq!(reassembly.partial.len(), 1);
    }
}
