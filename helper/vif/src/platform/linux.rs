//! Linux.

mod device;
mod memory;

pub use device::Device;
pub(crate) use memory::{Memory, RingSlot};
