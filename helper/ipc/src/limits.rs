//! Everything that a client of the helper can make grow, and what happens at the bound.

use std::time::Duration;

/// Largest message to the helper, in bytes; a larger one is answered with `limit-reached`.
pub const MESSAGE_TO_HELPER: usize = 1024 * 1024;
/// Largest message from the helper, in bytes; a larger one is answered with `limit-reached`.
pub const MESSAGE_FROM_HELPER: usize = 8 * 1024 * 1024;
/// Connections served at once; a further one is answered with `limit-reached`.
pub const CLIENTS: usize = 64;
/// Connections of one user served at once (root has no share of its own), so that none locks out the others.
pub const CLIENTS_PER_USER: usize = 32;
/// Turned-away connections that are being told why; a further one is closed without a word.
pub const REFUSALS: usize = 32;
/// How long a turned-away connection may take to hear why.
pub const REFUSAL_TIME: Duration = Duration::from_secs(5);
/// Calls at once on one connection; further ones wait at the client.
pub const CALLS_PER_CLIENT: u32 = 64;
/// Bytes of headers of one call; a call with more is reset.
pub const HEADERS: u32 = 16 * 1024;
/// Bytes that one call has queued for a client that doesn't read; then its stream of messages waits.
pub const SEND_BUFFER: usize = 256 * 1024;
/// How long a new connection may take to speak HTTP/2; then it is closed.
pub const PREFACE_TIME: Duration = Duration::from_secs(5);
/// Silence after which either side asks the other for a sign of life, and how long the answer may take.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long open calls may take to end once the helper stops.
pub const STOP_TIME: Duration = Duration::from_secs(1);
/// Longest `detail` or `fix` of a fault in bytes; the rest is cut off, because faults travel in headers.
pub const FAULT_TEXT: usize = 4 * 1024;
