//! sshfs(1) in its passive form: no ssh, no network, sftp on its standard input and output.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hawser_fault::{Code, Fault};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::limits;
use crate::platform;

const PROGRAM: &str = "sshfs";
/// What the kernel calls the source of our mounts: the server's root.
const SOURCE: &str = "hawser:/";

/// Whether files can be mounted here.
///
/// # Errors
/// `sshfs-missing`, `fuse-unavailable`.
pub fn check() -> Result<(), Fault> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |program: &str| std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)));
    for program in [PROGRAM, "fusermount3"] {
        if !has(program) {
            return Err(Fault::new(Code::SshfsMissing, format!("the program {program} is in no folder of PATH")));
        }
    }
    platform::can_mount()
        .map_err(|error| Fault::new(Code::FuseUnavailable, format!("/dev/fuse cannot be used: {error}")))
}

/// Where our mounts stand, whether or not somebody serves them.
pub(super) fn standing() -> Vec<PathBuf> {
    platform::mounts_from(SOURCE)
}

pub(super) fn is_standing(point: &Path) -> bool {
    standing().iter().any(|standing| standing == point)
}

/// Whether this sshfs has an option by which it forbids links to go up. Ours go up where that is safe; who lacks the option
/// allows it anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinksUp {
    /// It has to be told.
    Told,
    /// It does not know the option.
    Untold,
}

/// Starts it. It mounts as soon as the server answers, and unmounts when the stream ends.
pub(super) fn start(point: &Path, read_only: bool, links: LinksUp) -> Result<Child, Fault> {
    let mut options = vec![
        "passive".to_owned(),
        // Whatever the container's user is called: to the programs here the files are their user's own.
        format!("uid={}", nix::unistd::geteuid()),
        format!("gid={}", nix::unistd::getegid()),
        // What changes in the pod is seen soon.
        "dcache_timeout=2".to_owned(),
    ];
    if links == LinksUp::Told {
        options.push("no_contain_symlinks".to_owned());
    }
    if read_only {
        options.push("ro".to_owned());
    }
    let mut command = Command::new(PROGRAM);
    command.arg(SOURCE).arg(point).args([OsStr::new("-f"), OsStr::new("-o"), OsStr::new(&options.join(","))]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir("/").kill_on_drop(true);
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Fault::new(Code::SshfsMissing, format!("the program {PROGRAM} is in no folder of PATH"))
        }
        _ => Fault::new(Code::MountFailed, format!("{PROGRAM} cannot be started: {error}")),
    })
}

/// Waits until it has ended, whatever that takes, and says its last words.
pub(super) async fn end(mut child: Child, point: &Path) -> String {
    // Without its streams it has nobody to speak to.
    drop((child.stdin.take(), child.stdout.take()));
    let words = child.stderr.take();
    if tokio::time::timeout(limits::END_TIME, child.wait()).await.is_err() {
        platform::unmount(point).await;
        let _ = child.kill().await;
    }
    if is_standing(point) {
        platform::unmount(point).await;
    }
    let mut text = Vec::new();
    if let Some(words) = words {
        let _ = tokio::time::timeout(limits::END_TIME, words.take(limits::WORDS).read_to_end(&mut text)).await;
    }
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
