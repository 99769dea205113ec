//! Whether the helper answers, and what it said last.

use std::path::Path;

use hawser_client::presence;
use hawser_fault::{Code, Fault};
use hawser_ipc::Client;
use hawser_ipc::proto::Snapshot;

use crate::view::{HelperState, Problem, Remedy};

pub(crate) struct Helper {
    pub(crate) state: HelperState,
    pub(crate) problem: Option<Problem>,
    pub(crate) snapshot: Snapshot,
    pub(crate) client: Option<Client>,
    /// It has answered at least once.
    pub(crate) known: bool,
    /// Over which link it answers; each has a number of its own.
    pub(crate) link: u64,
}

impl Default for Helper {
    fn default() -> Self {
        Self {
            state: HelperState::Calling,
            problem: None,
            snapshot: Snapshot::default(),
            client: None,
            known: false,
            link: 0,
        }
    }
}

impl Helper {
    pub(crate) fn answers(&mut self, link: u64, client: Client, snapshot: Snapshot, own_version: &str) {
        self.link = link;
        (self.state, self.problem) = judged(&snapshot.software, own_version);
        self.snapshot = snapshot;
        self.client = Some(client);
        self.known = true;
    }

    pub(crate) fn broke(&mut self, fault: &Fault, silent: bool, socket: &Path) {
        let (state, remedy) = match fault.code {
            Code::HelperNotAllowed => (HelperState::Refused, Some(Remedy::JoinGroup)),
            Code::HelperVersion => (HelperState::Older, Some(Remedy::RestartHelper)),
            _ if silent => (HelperState::Silent, Some(Remedy::RestartHelper)),
            _ if presence::is_installed(socket) => (HelperState::Stopped, Some(Remedy::StartHelper)),
            _ => (HelperState::Absent, None),
        };
        let mut problem = Problem::from(fault).with_remedy(remedy);
        if state == HelperState::Absent {
            "Install the package hawser, which brings the helper.".clone_into(&mut problem.fix);
        }
        self.state = state;
        self.problem = Some(problem);
        self.client = None;
    }

    /// It says how things are, whatever its version.
    pub(crate) fn is_up(&self) -> bool {
        self.client.is_some()
    }

    /// What is known is as it was last known.
    pub(crate) fn is_stale(&self) -> bool {
        self.known && !self.is_up()
    }
}

fn judged(software: &str, own: &str) -> (HelperState, Option<Problem>) {
    let version = software.split_whitespace().next_back().unwrap_or_default();
    let state = match numbers(version).cmp(&numbers(own)) {
        std::cmp::Ordering::Less => HelperState::Older,
        std::cmp::Ordering::Greater => HelperState::Newer,
        std::cmp::Ordering::Equal => return (HelperState::Answers, None),
    };
    let fault = Fault::new(Code::HelperVersion, format!("the helper is {software}, this application is {own}"));
    let problem = match state {
        HelperState::Older => Problem::from(fault).with_remedy(Remedy::RestartHelper),
        _ => fault.with_fix("Quit Hawser and start it again; if that does not help, update it.").into(),
    };
    (state, Some(problem))
}

fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let state = |software: &str| judged(software, "0.10.2").0;
        assert_eq!(state("hawser-helper 0.10.2"), HelperState::Answers);
        assert_eq!(state("hawser-helper 0.9.9"), HelperState::Older);
        assert_eq!(state("hawser-helper 0.10.3"), HelperState::Newer);
        assert_eq!(state("hawser-helper 1.0.0-rc.1"), HelperState::Newer);
        assert_eq!(state(""), HelperState::Older);
    }

    #[test]
    fn each_fault_is_a_state_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("helper.sock");
        let mut helper = Helper::default();
        let mut judge = |code, silent| {
            helper.broke(&Fault::new(code, "it broke"), silent, &socket);
            (helper.state, helper.problem.clone().unwrap().remedy)
        };
        assert_eq!(judge(Code::HelperNotAllowed, false), (HelperState::Refused, Some(Remedy::JoinGroup)));
        assert_eq!(judge(Code::HelperUnreachable, true), (HelperState::Silent, Some(Remedy::RestartHelper)));
        assert_eq!(judge(Code::HelperVersion, false), (HelperState::Older, Some(Remedy::RestartHelper)));
        std::fs::write(&socket, "").unwrap();
        assert_eq!(judge(Code::HelperUnreachable, false), (HelperState::Stopped, Some(Remedy::StartHelper)));
    }
}
