//! What a user's programs ask their companion for, besides taking what they hand over. It is started if it isn't there; `program`
//! is the executable that becomes one by the argument `companion`.

use std::io;
use std::path::Path;
use std::time::Duration;

use hawser_fault::{Code, Fault};

use super::protocol::{Answer, Question, ask, ask_hearing};
use super::start::ensure_present;
use crate::connecting::LOGIN_TIME;
use crate::kubeconfig::Selection;
use crate::secrets::{Kept, limits};

/// What the companion may take longer than what it waits for.
const MARGIN: Duration = Duration::from_secs(20);

/// Has the user log in to what is selected: its plugin may open a browser, and has five minutes. What it writes for its user
/// meanwhile is given to `hear`, the last lines each time. What comes of it counts for the connection from now on, and is kept.
///
/// # Errors
/// As [`Access::credential`](crate::kubeconfig::Access::credential), with what the plugin said last; `login-required` if it only
/// works at a terminal; `internal` without a companion.
pub async fn log_in(
    program: &Path,
    connection: &str,
    selection: &Selection,
    hear: impl AsyncFn(String),
) -> Result<(), Fault> {
    let question = Question::LogIn { connection: connection.to_owned(), selection: selection.clone(), hears: true };
    let socket = ensure_present(program).await?;
    done(ask_hearing(&socket, &question, LOGIN_TIME + MARGIN, hear).await.map_err(silent)?)
}

/// Which logins are kept, and where.
///
/// # Errors
/// `internal` without a companion.
pub async fn kept(program: &Path) -> Result<Kept, Fault> {
    match answer(program, &Question::Kept, limits::ANSWER + MARGIN).await? {
        Answer::Kept { connections, problem, in_file, file } => {
            Ok(Kept { connections, problem: problem.map(Fault::from), in_file, file })
        }
        other => done(other).and(Err(unexpected())),
    }
}

/// Forgets the logins of these connections.
///
/// # Errors
/// `keyring-locked` if some are in a locked keyring; `file-unwritable`; `internal` without a companion.
pub async fn forget(program: &Path, connections: Vec<String>) -> Result<(), Fault> {
    let limit = limits::ANSWER * u32::try_from(connections.len()).unwrap_or(u32::MAX) + MARGIN;
    done(answer(program, &Question::Forget { connections }, limit).await?)
}

/// Has the user unlock the keyring, and moves there what is in the file.
///
/// # Errors
/// `keyring-locked` if they don't, `keyring-absent`; `internal` without a companion.
pub async fn unlock(program: &Path) -> Result<(), Fault> {
    done(answer(program, &Question::Unlock, limits::UNLOCK + MARGIN).await?)
}

async fn answer(program: &Path, question: &Question, limit: Duration) -> Result<Answer, Fault> {
    let socket = ensure_present(program).await?;
    ask(&socket, question, limit).await.map_err(silent)
}

fn silent(error: io::Error) -> Fault {
    Fault::new(Code::Internal, format!("your companion process does not answer: {error}"))
}

fn done(answer: Answer) -> Result<(), Fault> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Failed(failure) => Err(failure.into()),
        Answer::Kept { .. } | Answer::Says(_) => Err(unexpected()),
    }
}

fn unexpected() -> Fault {
    Fault::new(Code::Internal, "your companion process answers something else")
}
