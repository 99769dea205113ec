//! Everything here that a keyring or a file can make grow or last.

use std::time::Duration;

/// Logins that are kept. Of a further one the one that ends first is forgotten.
pub const LOGINS: usize = 64;
/// Bytes of one login; a longer one isn't kept.
pub const LOGIN: usize = 256 << 10;
/// Bytes of the file; a longer one is not read.
pub const FILE: u64 = (LOGINS * LOGIN) as u64;
/// How long the keyring may take for anything but asking its user. After that there is none.
pub const ANSWER: Duration = Duration::from_secs(3);
/// How long its user may take to unlock it.
pub const UNLOCK: Duration = Duration::from_secs(120);
