//! What needs an administrator's password: fixed commands, run by pkexec(1), which asks for it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use hawser_fault::{Code, Fault};
use nix::unistd::{Uid, User};
use tokio::process::Command;

use crate::presence::UNIT;

/// What is done as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elevation {
    /// Starts the helper.
    StartHelper,
    /// Starts it anew.
    RestartHelper,
    /// Adds the user to the group that may use it.
    JoinGroup,
}

impl Elevation {
    /// Asks for the password, and does it.
    ///
    /// # Errors
    /// `helper-unreachable` or `helper-not-allowed`, with the command as the fix.
    pub async fn run(self) -> Result<(), Fault> {
        let command = self.command()?;
        let failed = |why: String| self.fault(format!("{} was not done: {why}", command.join(" ")), &command);
        let (Some(pkexec), Some(program)) = (installed("pkexec"), installed(&command[0])) else {
            return Err(failed("pkexec or the program is not installed".to_owned()));
        };
        let running = Command::new(pkexec).arg(program).args(&command[1..]).stdin(Stdio::null()).output();
        let output = running.await.map_err(|error| failed(format!("pkexec cannot be run: {error}")))?;
        match output.status.code() {
            Some(0) => Ok(()),
            // pkexec(1): the dialog was dismissed; no authorisation could be had.
            Some(126) => Err(failed("nobody gave the password".to_owned())),
            Some(127) => Err(failed(format!("it was not authorised: {}", last_line(&output.stderr)))),
            _ => Err(failed(last_line(&output.stderr))),
        }
    }

    fn command(self) -> Result<Vec<String>, Fault> {
        let words: Vec<&str> = match self {
            Self::StartHelper => vec!["systemctl", "start", UNIT],
            Self::RestartHelper => vec!["systemctl", "restart", UNIT],
            Self::JoinGroup => {
                let user = User::from_uid(Uid::current()).ok().flatten();
                let user = user.ok_or_else(|| Fault::new(Code::Internal, "this user has no name"))?;
                return Ok(["usermod", "-aG", "hawser", &user.name].map(str::to_owned).into());
            }
        };
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    fn fault(self, detail: String, command: &[String]) -> Fault {
        let code = match self {
            Self::StartHelper | Self::RestartHelper => Code::HelperUnreachable,
            Self::JoinGroup => Code::HelperNotAllowed,
        };
        Fault::new(code, detail).with_fix(format!("Do it at a terminal: sudo {}", command.join(" ")))
    }
}

/// Where the system has it. The user's own PATH may lead to anybody's program, which is nothing to run as root.
fn installed(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(Path::new);
    folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word");
    line.trim().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_as_root_is_the_system_s_own() {
        assert!(installed("sh").unwrap().is_absolute());
        assert_eq!(installed("no-such-program"), None);
    }
}
