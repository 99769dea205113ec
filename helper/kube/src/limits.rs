//! Every bound of a conversation with an API server, and what happens at it.

use std::time::Duration;

/// Name, TCP, proxy and TLS together. Beyond it the server counts as unreachable.
pub const DIAL: Duration = Duration::from_secs(5);
/// From a request to the head of its answer. Beyond it the request has failed.
pub const REQUEST: Duration = Duration::from_secs(10);
/// Bytes of an answer. A longer one is an error.
pub const ANSWER: usize = 4 * 1024 * 1024;
/// Bytes of one event of a watch. A longer one ends the watch.
pub const EVENT: usize = 1024 * 1024;
/// Bytes of one WebSocket message to the server: with the heads of WebSocket and SPDY (8 bytes each) four full TLS records, each
/// of which costs the servers on the way a read and a write.
pub const MESSAGE: usize = 4 * 16_384 - 8 - 8;
/// Bytes that are read from the server at a time.
pub const READ_BUFFER: usize = 128 * 1024;
/// Bytes that the kernel holds without having sent them, so that the multiplexer above keeps the choice of what goes next.
pub const UNSENT_IN_KERNEL: u32 = 128 * 1024;
/// Characters of an error that the far end of a port-forward may say.
pub const SAID: usize = 1_024;
