//! Every bound of this room, and what happens at it.

use std::time::Duration;

/// After this long without a reply a query is answered with SERVFAIL. It stays below the five seconds after which
/// glibc and dig ask again.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(4);

/// How long an answer from the cluster may be remembered, here and by those who asked: services come and go.
pub const CLUSTER_TTL: Duration = Duration::from_secs(30);

/// How long an answer from the host's own name servers is remembered here. Its TTL is passed on as it is.
pub const HOST_TTL: Duration = Duration::from_secs(60);

/// How long "there is no such name" and "no such record" are remembered, whatever the zone's SOA allows.
pub const NEGATIVE_TTL: Duration = Duration::from_secs(10);

/// When a lookup at the host's name servers is sent again, counted from the first time: datagrams get lost.
pub(crate) const HOST_RESEND: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(2500)];

/// Largest UDP answer, and the payload size that answers advertise.
pub(crate) const UDP_ANSWER: u16 = 4096;

/// What UDP lookups at the host's name servers advertise: small enough to pass every path unfragmented.
pub(crate) const HOST_PAYLOAD: u16 = 1232;

/// What a client that says nothing can take over UDP (RFC 1035 section 4.2.1).
pub(crate) const UDP_PLAIN: u16 = 512;

/// Bounds on what others can make grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Queries that wait for a lookup. A query beyond is answered with SERVFAIL.
    pub waiters: usize,
    /// Answers remembered. The one unused for longest makes room.
    pub cache_entries: usize,
    /// Bytes of the answers remembered. As above.
    pub cache_bytes: usize,
    /// Addresses whose name is remembered. Those not seen for longest are forgotten.
    pub names: usize,
    /// Answered questions that are remembered. The oldest are forgotten.
    pub answered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiters: 10_000, cache_entries: 8_192, cache_bytes: 8 << 20, names: 16_384, answered: 1_000 }
    }
}
