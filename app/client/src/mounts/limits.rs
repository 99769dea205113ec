//! Every bound of mounts, and what happens at it.

use std::time::Duration;

/// How long sshfs may take until its mount stands. Then it is ended and begun anew.
pub const MOUNT_TIME: Duration = Duration::from_secs(5);
/// How often it is looked whether the mount stands.
pub const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long sshfs may take to end when its stream has. Then it is killed.
pub const END_TIME: Duration = Duration::from_millis(1_000);
/// Shortest and longest wait before a mount is tried again.
pub const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// Bytes of one sftp packet, as with OpenSSH's. A longer one ends the mount.
pub const PACKET: usize = 256 * 1024;
/// Bytes from sshfs in one message to the helper.
pub const CHUNK: usize = 128 * 1024;
/// Messages that wait for the helper; then nothing more is read from sshfs.
pub const MESSAGES: usize = 2;
/// Links that sshfs asks for at once. More end the mount.
pub const LINKS: usize = 4_096;
/// Files and folders that are looked at for whether they can be read, and how deep. The rest is not looked at.
pub const LOOKED_AT: (usize, usize) = (256, 6);
/// How long that may take. Then what was found is told.
pub const LOOK_TIME: Duration = Duration::from_secs(1);
/// How long it is waited for, if a file does not even answer. Then nothing of it is told.
pub const LOOK_ANSWER: Duration = Duration::from_secs(3);
/// Paths that are told to be unreadable. The rest is left out.
pub const UNREADABLE: usize = 16;
/// Bytes of what sshfs says on its standard error. The rest is left out.
pub const WORDS: u64 = 4 * 1024;
/// News of mounts that wait for the helper; then the next one waits.
pub const REPORTS: usize = 16;
