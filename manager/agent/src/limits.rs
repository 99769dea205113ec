//! Every bound of the agent, and what happens at it. Those of a link are in `hawser_tunnel::limits`.

use std::time::Duration;

/// Replicas of the manager that are linked to. More are left out.
pub const MANAGERS: usize = 16;
/// Connections of one port that go to the app at once. Beyond it nothing is accepted until one ends.
pub const PASSING: usize = 16_384;
/// UDP peers of one port. Beyond it the one is forgotten that was silent for longest.
pub const PEERS: usize = 1_024;
/// A UDP peer that is silent for so long is forgotten.
pub const PEER_IDLE: Duration = Duration::from_secs(120);
/// The app's answer to a connection.
pub const APP_DIAL: Duration = Duration::from_secs(10);
/// Shortest and longest wait between two dials of a manager.
pub const REDIAL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long connections may go on after the app has ended. Then they are cut.
pub const DRAIN: Duration = Duration::from_secs(5);
/// How often an agent that is told to stop looks whether it can.
pub const DRAIN_LOOK: Duration = Duration::from_millis(100);
/// How often the manager's service is looked up anew while no replica is linked.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A name server that does not answer.
pub const NAME_SERVER: Duration = Duration::from_millis(1_500);
/// A DNS message over UDP without EDNS may be 512 bytes; with it we take what a server may send.
pub const DNS_MESSAGE: usize = 65_535;
/// Proofs of managers that are expected at once. Beyond it they are not known, and fail.
pub const PROOFS: usize = 1_024;
/// How long one is expected.
pub const PROOF_LIFE: Duration = Duration::from_secs(5);
/// Connections that are looked at while one is expected. Beyond it they are clients'.
pub const SIFTED: usize = 1_024;
/// How long a connection that says nothing is looked at: long enough for a first segment that is lost once.
pub const SIFT: Duration = Duration::from_millis(250);
/// Pieces of a copied stream that wait for the laptop. Beyond it the copy is given up.
pub const COPIED_CHUNKS: usize = 32;
/// Bytes of all copies that wait for laptops. Beyond it a copy is given up.
pub const COPIED_BYTES: usize = 8 << 20;
/// Copied requests of one client's connection that wait for the laptop. Beyond it they are dropped.
pub const COPIED_REQUESTS: usize = 64;
/// Intercepts whose requests are counted. Beyond it those are forgotten that are over, and then the next one isn't counted.
pub const COUNTED: usize = 1_024;
/// Shortest time between two reports that tell of nothing but requests.
pub const COUNTS_TOLD: Duration = Duration::from_secs(1);
/// Laptops that have files of this pod at once. The next one is refused.
pub const FILE_SERVERS: usize = 32;
/// Files and folders that one laptop has open. The next one is refused.
pub const OPEN_FILES: usize = 1_024;
/// Bytes of a request to the sftp server, as with OpenSSH's. A longer one ends the flow.
pub const SFTP_PACKET: usize = 256 * 1024;
/// Bytes of a file in one answer. Whoever wants more asks again.
pub const SFTP_READ: usize = 128 * 1024;
/// Entries of a folder in one answer. Whoever wants more asks again.
pub const SFTP_ENTRIES: usize = 128;
