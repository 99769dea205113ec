//! The way to the helper, and what it finds by itself.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{DoctorRequest, Snapshot};
use hawser_ipc::{Client, connect, from_status};
use tokio::time::timeout;

use super::findings::{Check, Findings};
use super::{Question, limits};

/// The helper asks the name server of each connection, one after the other.
const EXAMINATION: Duration = Duration::from_secs(40);

/// Finds the helper; `None` if it doesn't answer.
pub(super) async fn reach(question: &Question<'_>, findings: &mut Findings) -> Option<(Client, Snapshot)> {
    let title = "The helper's socket is there";
    findings.need(title, socket_is_there(question.socket))?;
    findings.pass(title, question.socket.display().to_string());

    let title = "The helper answers you";
    let answer = timeout(limits::STEP, ask(question.socket)).await.unwrap_or_else(|_| Err(silence()));
    let (client, snapshot) = findings.need(title, answer)?;
    findings.pass(title, format!("it is {}", snapshot.software));
    findings.add(same_version(&snapshot.software, question.version));
    Some((client, snapshot))
}

/// What only the helper can check.
pub(super) async fn own(mut client: Client, findings: &mut Findings) {
    let examination = async { client.doctor(DoctorRequest {}).await.map_err(|status| from_status(&status)) };
    let reply = timeout(EXAMINATION, examination).await.unwrap_or_else(|_| Err(silence()));
    if let Some(reply) = findings.need("The helper can examine itself", reply) {
        findings.extend(reply.into_inner().checks.into_iter().map(Check::from));
    }
}

fn socket_is_there(socket: &Path) -> Result<(), Fault> {
    let path = socket.display();
    match std::fs::metadata(socket) {
        Ok(metadata) if metadata.file_type().is_socket() => Ok(()),
        Ok(_) => Err(Fault::new(Code::HelperUnreachable, format!("{path} is not a socket"))
            .with_fix("Point HAWSER_SOCKET at the helper's socket, or unset it.")),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Fault::new(Code::HelperNotAllowed, format!("{path} may not be looked at: {error}")))
        }
        Err(error) => Err(Fault::new(Code::HelperUnreachable, format!("{path}: {error}"))),
    }
}

async fn ask(socket: &Path) -> Result<(Client, Snapshot), Fault> {
    let mut client = connect(socket).await?;
    let first = crate::snapshot(&mut client).await?;
    Ok((client, first))
}

fn silence() -> Fault {
    Fault::new(Code::HelperUnreachable, "the helper is there but does not answer")
        .with_fix("Start it anew with: sudo systemctl restart hawser-helper")
}

fn same_version(helper: &str, own: &str) -> Check {
    let title = "Helper and command line have the same version";
    if helper.split_whitespace().next_back() == Some(own) {
        return Check::passed(title, own);
    }
    Check::failed(title, Fault::new(Code::HelperVersion, format!("the helper is {helper}, this program is {own}")))
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;
    use crate::kubeconfig::{Arguments, Environment};

    async fn outcomes(socket: &Path) -> Vec<Check> {
        let environment = Environment::default();
        let question = Question {
            socket,
            version: "0.1.0",
            arguments: Arguments::default(),
            environment: &environment,
            manager_namespace: "hawser",
        };
        let mut findings = Findings::default();
        assert!(reach(&question, &mut findings).await.is_none());
        findings.into_checks()
    }

    #[test]
    fn versions_are_compared_by_the_last_word() {
        assert_eq!(same_version("hawser-helper 0.1.0", "0.1.0").outcome, Outcome::Pass);
        assert_eq!(same_version("0.1.0", "0.1.0").outcome, Outcome::Pass);
        assert_eq!(same_version("hawser-helper 0.2.0", "0.1.0").outcome, Outcome::Fail);
        assert_eq!(same_version("", "0.1.0").outcome, Outcome::Fail);
    }

    #[tokio::test]
    async fn without_a_helper_the_search_ends_at_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().join("absent.sock"), directory.path().to_owned()] {
            let checks = outcomes(&path).await;
            assert_eq!(checks.len(), 1);
            assert_eq!(checks[0].outcome, Outcome::Fail);
            assert!(!checks[0].fix.is_empty());
        }
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_fails_at_the_answer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("helper.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let outcomes: Vec<_> = outcomes(&path).await.iter().map(|check| check.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass, Outcome::Fail]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_helper_that_hangs_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("helper.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let checks = outcomes(&path).await;
        assert_eq!(checks.last().unwrap().outcome, Outcome::Fail);
        assert!(checks.last().unwrap().fix.contains("restart"), "{checks:?}");
    }
}
