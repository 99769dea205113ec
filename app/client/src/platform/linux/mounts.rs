//! Mounts of sshfs as the kernel shows them (proc_pid_mountinfo(5)), and ending them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// The program that mounts and unmounts for users; it is setuid root.
const FUSERMOUNT: &str = "fusermount3";
/// How long it may take.
const TIME: Duration = Duration::from_secs(5);

/// Whether file systems of users can be mounted at all.
pub(crate) fn can_mount() -> io::Result<()> {
    fs::symlink_metadata("/dev/fuse").map(drop)
}

/// Where this user has mounts of sshfs from this source.
pub(crate) fn mounts_from(source: &str) -> Vec<PathBuf> {
    // A path that is no UTF-8 is none of ours.
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let user = nix::unistd::geteuid().as_raw();
    String::from_utf8_lossy(&table).lines().filter_map(|line| mount_point(line, source, user)).collect()
}

/// Takes a mount away at once; whoever still has something of it open gets errors (umount2(2), `MNT_DETACH`).
pub(crate) async fn unmount(point: &Path) {
    let mut command = Command::new(FUSERMOUNT);
    command.args(["-u", "-z", "--"]).arg(point).kill_on_drop(true);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    // One that is gone already is no error.
    let _ = timeout(TIME, command.status()).await;
}

fn mount_point(line: &str, source: &str, user: u32) -> Option<PathBuf> {
    let (place, file_system) = line.split_once(" - ")?;
    let mut of_it = file_system.split(' ');
    let is_it = of_it.next() == Some("fuse.sshfs") && of_it.next() == Some(source);
    let owner = format!("user_id={user}");
    let is_own = of_it.next()?.split(',').any(|option| option == owner);
    (is_it && is_own).then(|| unescaped(place.split(' ').nth(4)?)).flatten()
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescaped(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(escaped.get(..3)?, 8).ok()?);
        rest = &escaped[3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_s_own_mounts_are_found() {
        let line = |kind: &str, source: &str, owner: u32| {
            format!("90 29 0:55 / /run/a\\040b/web rw,nosuid - {kind} {source} rw,user_id={owner},group_id=7")
        };
        let found = |line: &str| mount_point(line, "hawser:/", 1000);
        assert_eq!(found(&line("fuse.sshfs", "hawser:/", 1000)), Some("/run/a b/web".into()));
        assert_eq!(found(&line("fuse.sshfs", "hawser:/", 10)), None);
        assert_eq!(found(&line("fuse.sshfs", "elsewhere:/", 1000)), None);
        assert_eq!(found(&line("fuse.other", "hawser:/", 1000)), None);
        assert_eq!(found("29 1 0:2 / / rw shared:1 - ext4 /dev/vda rw"), None);
        assert_eq!(found("nonsense"), None);
    }
}
