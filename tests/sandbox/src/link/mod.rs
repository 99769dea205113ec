//! The link emulator: two TUN devices, one in each namespace, and a thread a direction that holds packets back.
//!
//! Unless loss or a rate is asked for, segmentation offload passes through: one read and one write carry up to 64 KiB
//! of TCP, so the emulator costs little more than a veth pair.

mod held;
mod pump;
mod shaper;
mod tun;

use std::time::Duration;

pub use pump::run;
pub use tun::Tun;

/// What the link does to packets, the same in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Added round trip time: each direction holds a packet back for half of it.
    pub round_trip: Duration,
    /// Probability that a packet is lost, from 0 to 1, in each direction.
    pub loss: f64,
    /// Bits a second in each direction; a queue of one round trip (20 ms at least) stands before it.
    pub rate: Option<u64>,
}

impl Shape {
    /// Whether the link is to be anything but a plain wire.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a packet of 64 KiB may stand for its 45 segments. Loss and a rate concern each of them.
    fn offloads(&self) -> bool {
        self.loss == 0.0 && self.rate.is_none()
    }
}
