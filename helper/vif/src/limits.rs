//! Every bound of the data plane, and what happens at it.

use std::time::Duration;

use smoltcp::time::Duration as StackDuration;

/// Largest packet on the device: local, because the tunnel carries flows and not packets.
pub const MTU: usize = 65_520;
/// TCP flows, dialling ones included. A SYN beyond it is dropped and counted; the laptop's kernel tries again.
pub const TCP_FLOWS: usize = 60_000;
/// UDP and echo flows together. A datagram beyond it is dropped and counted.
pub const DATAGRAM_FLOWS: usize = 5_000;
/// Each of the two ring buffers of a TCP flow; touched only as far as they are used.
pub const RING: usize = 256 * 1024;
/// A UDP or echo flow without a datagram for so long is forgotten.
pub const DATAGRAM_IDLE: Duration = Duration::from_secs(60);
/// How often idle flows are looked for, while there are any that may be.
pub const SWEEP: Duration = Duration::from_secs(5);
/// Datagrams that are being put together from fragments. At the bound the oldest is dropped.
pub const REASSEMBLIES: usize = 64;
/// Bytes in them. At the bound the oldest is dropped.
pub const REASSEMBLY_BYTES: usize = 4 * 1024 * 1024;
/// A datagram whose fragments have not come by then is dropped (RFC 8200, section 4.5 allows up to 60 s).
pub const REASSEMBLY_TIME: Duration = Duration::from_secs(5);
/// Closed flows that are remembered for showing.
pub const CLOSED_RECORDS: usize = 256;
/// Largest DNS message over TCP (RFC 1035, section 4.2.2).
pub const LOCAL_MESSAGE: usize = 65_535;
/// How long an acknowledgement waits for an answer to go with, where both ends speak in turns (Linux waits 40 ms).
pub const ACKNOWLEDGE_AFTER: StackDuration = StackDuration::from_millis(5);
/// A larger segment is acknowledged at once: what comes after it may wait for room in the sender's window.
pub const SMALL_SEGMENT: usize = 4096;
