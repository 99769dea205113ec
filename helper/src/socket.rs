//! The helper's own socket.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use hawser_fault::{Code, Fault};
use listenfd::ListenFd;
use tokio::net::UnixListener;

/// A socket that clients can connect to.
pub struct Listening {
    /// Where they arrive.
    pub listener: UnixListener,
    /// Whether it was made here, and its path is to be removed; else systemd keeps it, so that clients can wait at it while
    /// the helper is restarted.
    pub made: bool,
}

/// Listens on the socket that systemd hands over (sd_listen_fds(3)), or else at `path`. Everybody may connect: who is not allowed to use the helper is to hear so from the helper, and not
/// get the same bare refusal as somebody whose helper does not run.
///
/// # Errors
/// `listen-failed`, also if another helper answers there. What a killed one left behind is replaced.
pub fn listen(path: &Path) -> Result<Listening, Fault> {
    Ok(match inherited()? {
        Some(listener) => Listening { listener, made: false },
        None => Listening { listener: make(path)?, made: true },
    })
}

fn inherited() -> Result<Option<UnixListener>, Fault> {
    let failed =
        |error: io::Error| Fault::new(Code::ListenFailed, format!("the socket of systemd cannot be used: {error}"));
    let Some(listener) = ListenFd::from_env().take_unix_listener(0).map_err(failed)? else { return Ok(None) };
    listener.set_nonblocking(true).map_err(failed)?;
    UnixListener::from_std(listener).map(Some).map_err(failed)
}

fn make(path: &Path) -> Result<UnixListener, Fault> {
    let failed = |error: io::Error| {
        Fault::new(Code::ListenFailed, format!("the socket {} cannot be made: {error}", path.display()))
    };
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(failed)?;
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> Result<(), Fault> {
    let refuse = |reason: &str| Err(Fault::new(Code::ListenFailed, format!("{} {reason}", path.display())));
    match std::fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(found) if !found.file_type().is_socket() => return refuse("is there and is no socket"),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => refuse("is served by another helper"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => match std::fs::remove_file(path) {
            Ok(()) => Ok(()),
            Err(error) => refuse(&format!("is left over and cannot be removed: {error}")),
        },
        Err(error) => refuse(&format!("is there and cannot be tried: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn left_over_socket_is_replaced_and_a_served_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/helper.sock");
        let first = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        let fault = listen(&path).err().unwrap();
        assert_eq!(fault.code, Code::ListenFailed);
        assert!(fault.detail.contains("another helper"), "{fault}");
        drop(first);
        assert!(path.exists());
        listen(&path).unwrap();
    }

    #[tokio::test]
    async fn other_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "kept").unwrap();
        assert_eq!(listen(&path).err().unwrap().code, Code::ListenFailed);
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        assert_eq!(listen(&path.join("below")).err().unwrap().code, Code::ListenFailed);
    }
}
