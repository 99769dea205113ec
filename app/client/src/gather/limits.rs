//! Everything that somebody else's text can make grow.

use std::time::Duration;

/// Bytes of one text; of a longer one the end is kept.
pub const TEXT: usize = 4 << 20;
/// Pods of managers whose logs are asked for.
pub const PODS: usize = 8;
/// Lines of each pod's log, the last ones.
pub const POD_LINES: usize = 4_000;
/// Bytes of them.
pub const POD_BYTES: usize = 1 << 20;
/// How long each answer may take.
pub const STEP: Duration = Duration::from_secs(5);
