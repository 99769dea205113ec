//! Every bound of the tunnel, and what happens at it.

use std::time::Duration;

/// Flows of one link. At the bound OPEN is answered with the reason `limit`.
pub const FLOWS: usize = 65_536;
/// Bytes that a flow may send before the first CREDIT.
pub const INITIAL_CREDIT: u64 = 512 * 1024;
/// Largest window of one flow; a flow that needs more waits for its reader.
pub const MAX_CREDIT: u64 = 16 * 1024 * 1024;
/// Sum of all that windows of one link have grown beyond [`INITIAL_CREDIT`]; at the bound windows stop growing.
pub const CREDIT_BUDGET: u64 = 256 * 1024 * 1024;
/// Datagrams that wait for their turn in one flow; at the bound the oldest is dropped and counted.
pub const QUEUED_DATAGRAMS: usize = 512;
/// Bytes of datagrams that wait in one flow; at the bound the oldest is dropped and counted.
pub const QUEUED_DATAGRAM_BYTES: usize = 1024 * 1024;
/// Bytes of control frames that wait for the wire. A peer that lets more pile up does not read: the link ends.
pub const QUEUED_CONTROL: usize = 8 * 1024 * 1024;
/// Bytes of one batch with its gRPC header: what goes, with all that is put around it, as four full TLS records through an API
/// server, which reads and writes record by record: 22 bytes of each record of our own TLS, 9 of HTTP/2, 8 each of SPDY and of the
/// WebSocket. One flow's stream in it is one packet of the laptop's device, whose MTU is 65,520, and one acknowledgement.
pub const BATCH: usize = 4 * (16_384 - 22) - 9 - 8 - 8;
/// A batch of so many bytes goes at once, whatever the pace.
pub const BIG_BATCH: usize = 32 * 1024;
/// Longest time that a small batch may be held back, whatever a client asks for.
pub const LONGEST_PACE: Duration = Duration::from_millis(5);
/// Shortest such time: less than the shortest round trip where a pace is asked for.
pub const SHORTEST_PACE: Duration = Duration::from_micros(100);
/// HTTP/2 bytes that wait below the multiplexer; small, so that the multiplexer keeps the choice of what goes next.
pub const SEND_BUFFER: usize = 128 * 1024;
/// Unsent bytes in the kernel's socket, for the same reason.
pub const UNSENT_IN_KERNEL: u32 = 128 * 1024;
/// HTTP/2 windows: so large that they never bind; the flows' credits do.
pub const HTTP2_WINDOW: u32 = 1 << 30;
/// Time between two heartbeats.
pub const HEARTBEAT: Duration = Duration::from_millis(2_000);
/// A link on which nothing is heard for so long is dead.
pub const SILENCE: Duration = Duration::from_secs(5);
/// A link that was asked whether it lives, and does not answer for so long, is dead.
pub const PROBE: Duration = Duration::from_millis(1_500);
/// TCP connect to the manager.
pub const TCP_DIAL: Duration = Duration::from_secs(2);
/// The whole of a dial: name, TCP, TLS, first exchange.
pub const DIAL: Duration = Duration::from_secs(5);
/// A server drops a connection that has not finished its handshake by then.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Reads of 4 KiB from a client that was not let in, so that it hears why. After that it is cut off.
pub const LAST_READS: usize = 16;
/// TCP dials of one link that wait for an answer. Beyond it a flow is refused with the reason `limit`.
pub const DIALS: usize = 16_384;
/// A dial that nobody answers. Below the two minutes of Linux, so that the laptop's kernel asks again.
pub const DIAL_TIME: Duration = Duration::from_secs(20);
/// Flows that wait to be asked for on one link. Beyond it they are given back.
pub const ARRIVALS: usize = 4_096;
/// Bytes of a compiled regular expression of a filter, and as many of its cache. One that needs more is refused.
pub const FILTER_PROGRAM: usize = 256 * 1024;
/// DNS queries of one link that wait for an answer. Beyond it a query is answered with nothing (SERVFAIL).
pub const QUERIES: usize = 4_096;
/// A name server that does not answer.
pub const QUERY_TIME: Duration = Duration::from_secs(4);
/// Datagrams read from one socket before others get their turn.
pub const DATAGRAMS_PER_TURN: usize = 64;
/// Kernel buffers of a UDP flow.
pub const DATAGRAM_BUFFER: usize = 2 * 1024 * 1024;
/// A UDP or echo flow that the peer forgot to end.
pub const DATAGRAM_IDLE: Duration = Duration::from_secs(120);
/// Time that flows get to end by themselves when a server stops; laptops have another link by then.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Time that a peer without flows gets to make another link.
pub const FAREWELL: Duration = Duration::from_secs(1);
