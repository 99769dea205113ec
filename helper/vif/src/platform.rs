//! What differs between operating systems: the device's file and the memory behind ring buffers.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{Memory, RingSlot};

#[cfg(target_os = "linux")]
pub use linux::Device;

#[cfg(not(target_os = "linux"))]
compile_error!("the data plane has no device and no ring memory for this operating system yet");
