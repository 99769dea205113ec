//! What a user's programs say to their companion: one question a connection, and its answer, maybe after words on the way. Each is
//! JSON after its length in four bytes (big endian), on a socket in a folder that only the user can enter.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::Handover;
use crate::kubeconfig::Selection;
use crate::secrets::Kept;

/// Bytes of a message; Linux gives a program 2 MB of environment with its arguments (execve(2)).
const LONGEST: u32 = 8 << 20;
/// How long a question may take to come, and an answer that needs nobody.
pub(super) const TIME: Duration = Duration::from_secs(5);

/// What the companion is asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    /// To take this.
    HandOver(Handover),
    /// To have the user log in: the selection's plugin is run with all the time that a person needs.
    LogIn {
        connection: String,
        selection: Selection,
        /// Whoever asks understands what comes before the answer.
        #[serde(default)]
        hears: bool,
    },
    /// Which logins are kept, and where.
    Kept,
    /// To forget logins.
    Forget { connections: Vec<String> },
    /// To have the user unlock the keyring.
    Unlock,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// Not yet; what logs in says this.
    Says(String),
    /// It is done.
    Done,
    /// These are kept.
    Kept { connections: Vec<String>, problem: Option<Failure>, in_file: bool, file: PathBuf },
    /// It could not be done.
    Failed(Failure),
}

/// A fault on its way.
#[derive(Serialize, Deserialize)]
pub(super) struct Failure {
    code: String,
    detail: String,
    fix: String,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code.as_str().to_owned(), detail: fault.detail, fix: fault.fix }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let code = Code::parse(&failure.code).unwrap_or(Code::Internal);
        Self { code, detail: failure.detail, fix: failure.fix }
    }
}

impl From<Result<(), Fault>> for Answer {
    fn from(outcome: Result<(), Fault>) -> Self {
        outcome.map_or_else(|fault| Self::Failed(fault.into()), |()| Self::Done)
    }
}

impl From<Kept> for Answer {
    fn from(Kept { connections, problem, in_file, file }: Kept) -> Self {
        Self::Kept { connections, problem: problem.map(Failure::from), in_file, file }
    }
}

/// Asks the companion at `socket`, which may take as long as `limit`.
///
/// # Errors
/// If there is none, or it doesn't answer in time.
pub(super) async fn ask(socket: &Path, question: &Question, limit: Duration) -> io::Result<Answer> {
    ask_hearing(socket, question, limit, async |_| {}).await
}

/// The same; what it says before it answers is given to `hear`.
///
/// # Errors
/// The same.
pub(super) async fn ask_hearing(
    socket: &Path,
    question: &Question,
    limit: Duration,
    hear: impl AsyncFn(String),
) -> io::Result<Answer> {
    let asking = async {
        let mut stream = UnixStream::connect(socket).await?;
        write(&mut stream, question).await?;
        loop {
            match read(&mut stream).await? {
                Answer::Says(text) => hear(text).await,
                answer => return Ok(answer),
            }
        }
    };
    timeout(limit, asking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What one of the user's own programs asks.
///
/// # Errors
/// If it is somebody else's program, or asks nothing that is understood within five seconds.
pub(super) async fn question(stream: &mut UnixStream) -> io::Result<Question> {
    if stream.peer_cred()?.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    timeout(TIME, read(stream)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= LONGEST);
    to.write_u32(length.ok_or(io::ErrorKind::FileTooLarge)?).await?;
    to.write_all(&text).await
}

async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let length = from.read_u32().await?;
    if length > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut text = vec![0; length as usize];
    from.read_exact(&mut text).await?;
    Ok(serde_json::from_slice(&text)?)
}
