//! The data plane behind a virtual network interface: packets on one side, flows on the other.
//!
//! [`core::Core`] is sans-IO: packets and bytes of the link go in, packets and bytes of the link come out, time is an argument.
//! [`tun::Tun`] is the thin shell that owns the device. `README.md` follows one SYN through the files.

mod compose;
pub mod core;
pub mod fuzz;
pub mod limits;
mod mapping;
mod packet;
pub mod platform;
mod reassembly;
pub mod record;
mod stack;
mod tcp;
pub mod tun;

pub use crate::core::{Asker, Config, Core, Event, LinkId};
pub use crate::packet::Protocol;
pub use crate::stack::PacketSink;
