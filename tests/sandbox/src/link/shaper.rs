//! Decides what becomes of a packet: lost, or due at a time. Knows no clock and no socket.

use std::time::{Duration, Instant};

use super::Shape;

/// The shortest queue before a limited rate.
const SHORTEST_QUEUE: Duration = Duration::from_millis(20);

/// One direction of the link.
pub(super) struct Shaper {
    one_way: Duration,
    loss: f64,
    rate: Option<u64>,
    queue: Duration,
    wire_free: Instant,
    random: SplitMix,
}

impl Shaper {
    /// A direction whose wire is free from `now` on. The same seed loses the same packets.
    pub(super) fn new(shape: Shape, seed: u64, now: Instant) -> Self {
        Self {
            one_way: shape.round_trip / 2,
            loss: shape.loss,
            rate: shape.rate,
            queue: shape.round_trip.max(SHORTEST_QUEUE),
            wire_free: now,
            random: SplitMix(seed),
        }
    }

    /// When a packet of this many bytes that came at `now` is to be handed over; `None` if it's lost.
    ///
    /// Times never go back from one packet to the next as long as `now` doesn't.
    pub(super) fn admit(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        if self.loss > 0.0 && self.random.fraction() < self.loss {
            return None;
        }
        let Some(rate) = self.rate else { return Some(now + self.one_way) };
        let start = self.wire_free.max(now);
        if start - now > self.queue {
            return None;
        }
        self.wire_free = start + Duration::from_nanos(bytes as u64 * 8 * 1_000_000_000 / rate.max(1));
        Some(self.wire_free + self.one_way)
    }
}

/// Sebastiano Vigna's SplitMix64: enough randomness to lose packets by.
struct SplitMix(u64);

impl SplitMix {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaper(shape: Shape, now: Instant) -> Shaper {
        Shaper::new(shape, 1, now)
    }

    #[test]
    fn half_of_the_round_trip_is_spent_each_way() {
        let now = Instant::now();
        let mut link = shaper(Shape { round_trip: Duration::from_millis(20), ..Shape::default() }, now);
        assert_eq!(link.admit(65_000, now), Some(now + Duration::from_millis(10)));
        assert_eq!(link.admit(40, now), Some(now + Duration::from_millis(10)));
    }

    #[test]
    fn a_rate_spaces_packets_and_its_queue_is_bounded() {
        let now = Instant::now();
        let mut link = shaper(Shape { rate: Some(12_000_000), ..Shape::default() }, now);
        let due: Vec<_> = (0..100).map_while(|_| link.admit(1500, now)).collect();
        assert_eq!(due[0], now + Duration::from_millis(1));
        assert_eq!(due[1], now + Duration::from_millis(2));
        assert_eq!(due.len(), 21, "20 ms of queue and the packet on the wire");
        assert!(link.admit(1500, now + Duration::from_millis(1)).is_some(), "the queue drains with time");
    }

    #[test]
    fn an_idle_wire_saves_nothing_up() {
        let now = Instant::now();
        let mut link = shaper(Shape { rate: Some(12_000_000), ..Shape::default() }, now);
        let later = now + Duration::from_secs(5);
        assert_eq!(link.admit(1500, later), Some(later + Duration::from_millis(1)));
    }

    #[test]
    fn loss_takes_its_share() {
        let now = Instant::now();
        let mut link = shaper(Shape { loss: 0.02, ..Shape::default() }, now);
        let lost = (0..100_000).filter(|_| link.admit(1500, now).is_none()).count();
        assert!((1_800..2_200).contains(&lost), "{lost} of 100,000 at 2 %");
        let mut all = shaper(Shape { loss: 1.0, ..Shape::default() }, now);
        assert!((0..1000).all(|_| all.admit(1500, now).is_none()));
    }
}
