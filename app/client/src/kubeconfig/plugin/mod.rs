//! Exec credential plugins (Kubernetes: client.authentication.k8s.io/v1 and v1beta1): the user's own programs, which print a
//! token or a certificate.

mod process;
mod protocol;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use tokio::process::Command;

use super::file::{ClusterFields, Exec, Place};
use super::limits::{LARGEST_ANSWER, SHOWN_CHARACTERS, SHOWN_LINES};
use super::{Cluster, Credential, Environment};
use process::{Ending, Ran};
use protocol::Version;

/// Whether a plugin can ask its user something.
#[derive(Clone, Copy)]
pub enum Interaction<'a> {
    /// Nobody is there: standard input is empty, standard error is kept for the fault.
    Unattended,
    /// Somebody reads along: the same, and whenever the plugin writes on standard error, this gets its last lines as one.
    Watched(&'a (dyn Fn(String) + Sync)),
    /// This process's standard input is a terminal: the plugin may read it, and writes its messages to our standard error.
    Terminal,
}

/// A plugin that is ready to run.
pub(super) struct Plugin<'a> {
    /// What faults call it.
    name: String,
    place: &'a Place,
    exec: &'a Exec,
    environment: &'a Environment,
    version: Version,
    mode: Mode,
}

/// Whether a plugin wants a terminal (Kubernetes: `interactiveMode`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Never,
    IfAvailable,
    Always,
}

impl<'a> Plugin<'a> {
    /// Checks the entry of the user `user`, by kubectl's rules.
    pub(super) fn new(
        user: &str,
        place: &'a Place,
        exec: &'a Exec,
        environment: &'a Environment,
    ) -> Result<Self, Fault> {
        let malformed = |why: String| place.malformed(format!("the exec plugin of the user {user:?} {why}"));
        if exec.command.is_empty() {
            return Err(malformed("has no command".to_owned()));
        }
        let version = Version::parse(&exec.api_version).ok_or_else(|| {
            let fault = malformed(format!("has the apiVersion {:?}, which is not supported", *exec.api_version));
            fault.with_fix("Update the plugin and set its apiVersion to client.authentication.k8s.io/v1.")
        })?;
        let mode = match exec.interactive_mode.as_str() {
            "Never" => Mode::Never,
            "IfAvailable" => Mode::IfAvailable,
            "Always" => Mode::Always,
            "" if version == Version::V1Beta1 => Mode::IfAvailable,
            "" => return Err(malformed("has no interactiveMode, which its apiVersion asks for".to_owned())),
            other => return Err(malformed(format!("has the unknown interactiveMode {other:?}"))),
        };
        let texts = exec.args.iter().map(String::as_str).chain(exec.env.iter().map(|variable| variable.value.reveal()));
        if [exec.command.as_str()].into_iter().chain(texts).any(|text| text.contains('\0')) {
            return Err(malformed("has a zero byte in its command, arguments or env".to_owned()));
        }
        if exec.env.iter().any(|variable| variable.name.is_empty() || variable.name.contains(['=', '\0'])) {
            return Err(malformed("has an env variable without a proper name".to_owned()));
        }
        let name = format!("the credential plugin {:?} of the user {user:?}", *exec.command);
        Ok(Self { name, place, exec, environment, version, mode })
    }

    /// Runs it and reads its answer.
    pub(super) async fn run(
        &self,
        fields: &ClusterFields,
        cluster: &Cluster,
        interaction: Interaction<'_>,
        limit: Duration,
    ) -> Result<Credential, Fault> {
        let attended = matches!(interaction, Interaction::Terminal);
        if self.mode == Mode::Always && !attended {
            let detail = format!("{} only works on a terminal (interactiveMode: Always)", self.name);
            return Err(Fault::new(Code::LoginRequired, detail));
        }
        let interactive = attended && self.mode != Mode::Never;
        let about = self.exec.provide_cluster_info.then(|| protocol::about(fields, cluster));
        let request = protocol::request(self.version, interactive, about);

        let program = self.find().ok_or_else(|| self.missing())?;
        let mut command = Command::new(program);
        command.args(self.exec.args.iter()).env_clear().envs(self.variables(request));
        // A directory that is gone would look like a program that is gone.
        if self.environment.directory.is_dir() {
            command.current_dir(&self.environment.directory);
        }
        let hear = |stderr: &[u8]| {
            if let Interaction::Watched(hear) = interaction {
                hear(last_lines(stderr));
            }
        };
        let ran = process::run(command, attended, interactive, limit, hear).await;
        let ran = ran.map_err(|error| self.fault(Code::PluginFailed, format!("could not be started: {error}")))?;
        self.judge(ran, limit)
    }

    /// The program's path: relative to the kubeconfig if there is a slash in it, else from `PATH`.
    fn find(&self) -> Option<PathBuf> {
        let command = self.exec.command.as_str();
        if command.contains('/') {
            return Some(self.place.resolve(command)).filter(|path| path.exists());
        }
        // As in Go, a program of the working directory isn't found by a relative PATH.
        let directories = std::env::split_paths(self.environment.first(&["PATH"])?).filter(|path| path.is_absolute());
        directories.map(|directory| directory.join(command)).find(|path| is_program(path))
    }

    fn variables(&self, request: String) -> impl Iterator<Item = (OsString, OsString)> {
        let users = self.environment.variables.clone().into_iter();
        let own = self
            .exec
            .env
            .iter()
            .map(|variable| (OsString::from(variable.name.as_str()), OsString::from(variable.value.reveal())));
        users.chain(own).chain([("KUBERNETES_EXEC_INFO".into(), request.into())])
    }

    fn judge(&self, ran: Ran, limit: Duration) -> Result<Credential, Fault> {
        match ran.ending {
            Ending::TimedOut => {
                let why = format!("did not end within {limit:?} and was killed{}", said(&ran.stderr));
                Err(self.fault(Code::PluginTimedOut, why))
            }
            Ending::TooMuch => {
                let why = format!("printed more than {LARGEST_ANSWER} bytes and was killed");
                Err(self.fault(Code::CredentialMalformed, why))
            }
            Ending::Exited(status) if !status.success() => {
                let how = match status.code() {
                    Some(code) => format!("ended with exit code {code}"),
                    None => format!("was ended by {status}"),
                };
                Err(self.fault(Code::PluginFailed, format!("{how}{}", said(&ran.stderr))))
            }
            Ending::Exited(_) => protocol::answer(&ran.stdout, self.version, &self.name),
        }
    }

    fn missing(&self) -> Fault {
        let command = self.exec.command.as_str();
        let place = if command.contains('/') {
            self.place.resolve(command).display().to_string()
        } else {
            "any directory of PATH".to_owned()
        };
        let fault = self.fault(Code::PluginMissing, format!("is not there: looked for in {place}"));
        match shown(&self.exec.install_hint) {
            hint if hint.is_empty() => fault,
            hint => fault.with_fix(hint),
        }
    }

    fn fault(&self, code: Code, what: String) -> Fault {
        Fault::new(code, format!("{} {what}", self.name))
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The last lines of a plugin's standard error, as the end of a sentence.
fn said(stderr: &[u8]) -> String {
    match last_lines(stderr) {
        text if text.is_empty() => String::new(),
        text => format!("; it said: {text}"),
    }
}

fn last_lines(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    shown(&lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n"))
}

/// Somebody else's text in one line, without what would command a terminal, and bounded.
fn shown(text: &str) -> String {
    let mut clean = String::new();
    let mut characters = text.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            // A control sequence ends with its first letter (ECMA-48, section 5.4).
            '\u{1b}' => {
                let mut sequence = characters.by_ref().skip_while(|next| *next == '[');
                sequence.find(|next| ('@'..='~').contains(next));
            }
            '\n' => clean.push_str(" | "),
            '\t' => clean.push(' '),
            control if control.is_control() => {}
            other => clean.push(other),
        }
    }
    match clean.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}
