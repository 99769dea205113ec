//! Where an intercept stands: a pure function of what is known.

use std::time::Duration;

use hawser_api::InterceptPhase;
use hawser_fault::{Code, Fault};

use crate::limits;

/// What is known of an intercept.
pub struct Facts {
    /// Where it stood.
    pub phase: InterceptPhase,
    /// How old it is.
    pub age: Duration,
    /// Its user, as its spec says.
    pub user: String,
    /// The session that its spec names.
    pub session: Option<Session>,
    /// What speaks against it whoever holds what: no such port, no such container.
    pub objection: Option<Fault>,
    /// Who has what it wants.
    pub holder: Option<String>,
    /// The workload's pods.
    pub pods: Vec<Pod>,
    /// What the user should know, while pods are replaced.
    pub notes: Vec<String>,
    /// Why pods could not be replaced.
    pub trouble: Option<Fault>,
}

/// A session, as far as it matters here.
pub struct Session {
    /// Whose it is.
    pub user: String,
    /// Since its last sign of life.
    pub silent: Duration,
}

/// A pod, as far as it matters here.
#[derive(Clone, Copy)]
pub struct Pod {
    /// It takes traffic.
    pub ready: bool,
    /// It was made with an agent.
    pub has_agent: bool,
    /// Its agent sends to the laptop.
    pub applied: bool,
}

/// Where it stands now, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where.
    pub phase: InterceptPhase,
    /// One word in CamelCase.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
    /// What went wrong, if something did.
    pub fault: Option<Fault>,
    /// Pods without an agent are to be replaced.
    pub replace: bool,
}

impl Facts {
    /// Whether there is somebody to send to. If not, the rest makes no difference.
    pub fn has_laptop(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.user == self.user && session.silent <= limits::GHOST)
    }

    /// See the module's description.
    pub fn verdict(self) -> Verdict {
        let settled =
            matches!(self.phase, InterceptPhase::Active | InterceptPhase::Waiting | InterceptPhase::Preparing);
        let session = match &self.session {
            None if settled => return waiting("SessionAbsent", "the laptop's session is gone".to_owned()),
            // The session and the intercept come by two watches: one may be ahead.
            None if self.age < limits::SESSION_FOLLOWS => return pending(),
            None => return refused(Fault::new(Code::InterceptRefused, "there is no such session")),
            Some(session) => session,
        };
        if session.user != self.user {
            let detail = format!("the session is not {}'s", self.user);
            return refused(Fault::new(Code::InterceptRefused, detail));
        }
        if session.silent > limits::GHOST {
            return waiting("LaptopSilent", "nothing is heard of the laptop".to_owned());
        }
        if let Some(holder) = self.holder {
            let detail = format!("{holder} has it already");
            return refused(Fault::new(Code::PortHeld, detail));
        }
        if let Some(objection) = self.objection {
            return if settled { waiting_for(objection) } else { refused(objection) };
        }
        match self.trouble {
            // Others would end the same way.
            Some(trouble) if trouble.code == Code::PodsNotReady => refused(trouble),
            trouble => weigh(&self.pods, &self.notes, trouble),
        }
    }
}

fn weigh(pods: &[Pod], notes: &[String], trouble: Option<Fault>) -> Verdict {
    if pods.is_empty() {
        return waiting_for(Fault::new(Code::PodAbsent, "the workload has no pods"));
    }
    let count = |which: fn(&Pod) -> bool| pods.iter().filter(|pod| which(pod)).count();
    let (bare, ready) = (count(|pod| !pod.has_agent), count(|pod| pod.ready));
    let sending = count(|pod| pod.ready && pod.applied);
    let active = sending > 0 && sending == ready && bare == 0;
    let phase = if active { InterceptPhase::Active } else { InterceptPhase::Preparing };
    let (reason, message) = if active {
        ("Active", format!("{sending} of {} pods send to the laptop", pods.len()))
    } else if bare > 0 {
        let replaced = format!("{bare} of {} pods are replaced by ones with an agent", pods.len());
        ("PodsReplaced", [&[replaced], notes].concat().join("; "))
    } else {
        ("AgentsFollow", format!("{sending} of {} pods send to the laptop", pods.len()))
    };
    let trouble = trouble.filter(|_| !active);
    let message = trouble.as_ref().map_or(message, |trouble| trouble.detail.clone());
    Verdict { phase, reason, message, fault: trouble, replace: bare > 0 }
}

fn pending() -> Verdict {
    Verdict {
        phase: InterceptPhase::Pending,
        reason: "Seen",
        message: "the session has not been seen yet".to_owned(),
        fault: None,
        replace: false,
    }
}

fn waiting(reason: &'static str, message: String) -> Verdict {
    Verdict { phase: InterceptPhase::Waiting, reason, message, fault: None, replace: false }
}

fn waiting_for(fault: Fault) -> Verdict {
    Verdict { fault: Some(fault.clone()), ..waiting("Unfit", fault.detail) }
}

fn refused(fault: Fault) -> Verdict {
    Verdict {
        phase: InterceptPhase::Refused,
        reason: "Refused",
        message: fault.detail.clone(),
        fault: Some(fault),
        replace: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(phase: InterceptPhase, pods: &[Pod]) -> Facts {
        Facts {
            phase,
            age: Duration::from_secs(1),
            user: "ann".to_owned(),
            session: Some(Session { user: "ann".to_owned(), silent: Duration::ZERO }),
            objection: None,
            holder: None,
            pods: pods.to_vec(),
            notes: Vec::new(),
            trouble: None,
        }
    }

    const BARE: Pod = Pod { ready: true, has_agent: false, applied: false };
    const LINKED: Pod = Pod { ready: true, has_agent: true, applied: false };
    const SENDING: Pod = Pod { ready: true, has_agent: true, applied: true };
    const STARTING: Pod = Pod { ready: false, has_agent: true, applied: false };

    #[test]
    fn it_is_active_when_every_ready_pod_sends() {
        use InterceptPhase::{Active, Pending, Preparing, Waiting};
        let phase = |pods: &[Pod]| facts(Pending, pods).verdict().phase;
        assert_eq!(phase(&[SENDING, SENDING]), Active);
        assert_eq!(phase(&[SENDING, STARTING]), Active);
        assert_eq!(phase(&[SENDING, LINKED]), Preparing);
        assert_eq!(phase(&[STARTING]), Preparing);
        assert_eq!(phase(&[]), Waiting);
        assert!(facts(Pending, &[SENDING, BARE]).verdict().replace);
        assert!(!facts(Pending, &[SENDING]).verdict().replace);
    }

    #[test]
    fn a_ghost_waits_and_a_stranger_is_refused() {
        use InterceptPhase::{Active, Pending, Refused, Waiting};
        let mut ghost = facts(Active, &[SENDING]);
        ghost.session.as_mut().unwrap().silent = Duration::from_secs(31);
        assert_eq!(ghost.verdict().phase, Waiting);
        let gone = Facts { session: None, ..facts(Active, &[SENDING]) };
        assert_eq!(gone.verdict().phase, Waiting);
        let early = Facts { session: None, ..facts(Pending, &[SENDING]) };
        assert_eq!(early.verdict().phase, Pending);
        let never = Facts { session: None, age: Duration::from_secs(60), ..facts(Pending, &[SENDING]) };
        assert_eq!(never.verdict().phase, Refused);
        let mut stranger = facts(Pending, &[SENDING]);
        stranger.session.as_mut().unwrap().user = "eve".to_owned();
        assert_eq!(stranger.verdict().phase, Refused);
        let held = Facts { holder: Some("bob".to_owned()), ..facts(Waiting, &[SENDING]) };
        assert_eq!(held.verdict().phase, Refused);
    }
}
