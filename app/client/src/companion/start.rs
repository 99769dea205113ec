//! Where the companion is, and starting it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use super::Handover;
use super::protocol::{Answer, Question, TIME, ask};

/// How long a companion may take to come up.
const START: Duration = Duration::from_secs(5);

/// The companion's socket.
///
/// # Errors
/// As [`folder`].
pub fn socket() -> Result<PathBuf, Fault> {
    Ok(folder()?.join("companion.sock"))
}

/// The companion's folder, which only this user can enter.
///
/// # Errors
/// `internal` if there can be no such folder.
pub fn folder() -> Result<PathBuf, Fault> {
    let uid = nix::unistd::geteuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path).join("hawser"),
        None => PathBuf::from(format!("/tmp/hawser-{uid}")),
    };
    let unusable =
        |why: String| Fault::new(Code::Internal, format!("{} cannot hold your socket: {why}", folder.display()));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(error.to_string())),
        _ => {}
    }
    let found = fs::symlink_metadata(&folder).map_err(|error| unusable(error.to_string()))?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err(unusable("others can enter it, or it is not yours".to_owned()));
    }
    Ok(folder)
}

/// Whether there is a companion now.
pub async fn is_there() -> bool {
    match socket() {
        Ok(socket) => UnixStream::connect(socket).await.is_ok(),
        Err(_) => false,
    }
}

/// Starts the companion unless it is there, and hands it what it needs for a connection. `program` is this executable,
/// which becomes a companion by the argument `companion`.
///
/// # Errors
/// `internal` if it does not come up.
pub async fn ensure(program: &Path, handover: &Handover) -> Result<(), Fault> {
    let socket = start(program).await?;
    let question = Question::HandOver(handover.clone());
    until_up(async || match ask(&socket, &question, TIME).await? {
        Answer::Done => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    })
    .await
}

/// Starts the companion unless it is there, and says where.
///
/// # Errors
/// `internal` if it does not come up.
pub async fn ensure_present(program: &Path) -> Result<PathBuf, Fault> {
    let socket = start(program).await?;
    until_up(async || UnixStream::connect(&socket).await.map(drop)).await?;
    Ok(socket)
}

async fn start(program: &Path) -> Result<PathBuf, Fault> {
    let socket = socket()?;
    if UnixStream::connect(&socket).await.is_err() {
        let mut command = Command::new(program);
        command.arg("companion").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        // A session of its own: neither the terminal's end nor its signals reach it.
        command.process_group(0);
        let failed = |error: io::Error| Fault::new(Code::Internal, format!("the companion cannot be started: {error}"));
        let mut child = command.spawn().map_err(failed)?;
        std::thread::spawn(move || child.wait());
    }
    Ok(socket)
}

async fn until_up(mut reach: impl AsyncFnMut() -> io::Result<()>) -> Result<(), Fault> {
    let end = Instant::now() + START;
    loop {
        match reach().await {
            Ok(()) => return Ok(()),
            Err(_) if Instant::now() < end => sleep(Duration::from_millis(10)).await,
            Err(error) => {
                return Err(Fault::new(Code::Internal, format!("your companion process takes nothing: {error}")));
            }
        }
    }
}
