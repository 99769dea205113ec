//! Where the probe's servers listen in the cluster.

/// TCP: sends everything back, and closes when the client has closed its side.
pub const ECHO: u16 = 47001;
/// TCP: sends the first bytes back and closes at once.
pub const CLOSE: u16 = 47002;
/// TCP: resets the connection at the first byte.
pub const RESET: u16 = 47003;
/// TCP: takes and gives checked bytes.
pub const CHECKSUM: u16 = 47004;
/// TCP: remembers how a connection ended, and tells.
pub const WITNESS: u16 = 47005;
/// TCP: accepts and never reads.
pub const STALL: u16 = 47006;
/// UDP: sends each datagram back.
pub const UDP_ECHO: u16 = 47007;
/// UDP: counts datagrams; TCP on the same number tells the count.
pub const UDP_COUNT: u16 = 47008;
/// TCP: takes or gives bytes without an end.
pub const FLOOD: u16 = 47009;
/// Nobody listens here, over TCP or UDP.
pub const CLOSED: u16 = 47999;
