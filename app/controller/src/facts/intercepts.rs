//! What the helper doesn't tell of intercepts: whether clients come here, whether programs listen, what was seen already.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use hawser_client::intercept::{Heard, Place};
use hawser_fault::Fault;
use hawser_ipc::proto::{InterceptPhase, InterceptState, Trial};

use crate::limits;
use crate::view::{Ms, Written};

/// Whether what has been wrong with an intercept since then is worth a word by now.
pub(crate) fn lasts(since: Ms, now: Ms) -> bool {
    now.0 - since.0 >= limits::WRONG.as_millis() as i64
}

#[derive(Default)]
pub(crate) struct Watched {
    by_place: BTreeMap<Place, Watch>,
}

/// What is known of one of them.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) proof: Option<Proven>,
    pub(crate) proving: bool,
    pub(crate) written: Option<Written>,
    /// Local ports by number: whether a program listens, and since when none does.
    pub(crate) ports: BTreeMap<u32, Port>,
    /// Since when a pod isn't reached.
    pub(crate) missed_since: Option<Ms>,
    /// Its end was on screen.
    seen: Option<i64>,
    /// What it must be proven for, and since when that is so.
    pods: (BTreeSet<String>, Ms),
    /// What it was proven for last.
    proven_for: Option<BTreeSet<String>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) listening: Option<bool>,
    pub(crate) silent_since: Option<Ms>,
    /// A program did listen.
    pub(crate) was_heard: bool,
}

/// What came of trying every way to it.
pub(crate) struct Proven {
    pub(crate) at: Ms,
    pub(crate) outcome: Result<Vec<Trial>, Fault>,
}

impl Watched {
    pub(crate) fn follow(&mut self, intercepts: &[(Place, InterceptState)], now: Ms) {
        self.by_place.retain(|place, _| intercepts.iter().any(|(known, _)| known == place));
        for (place, state) in intercepts {
            let watch = self.by_place.entry(place.clone()).or_default();
            let pods: BTreeSet<String> = state.pods.iter().map(|pod| format!("{} {}", pod.name, pod.address)).collect();
            if watch.pods.0 != pods {
                watch.pods = (pods, now);
            }
            let missed = state.phase() == InterceptPhase::Active && state.pods.iter().any(|pod| !pod.applied);
            watch.missed_since = missed.then(|| watch.missed_since.unwrap_or(now));
        }
    }

    pub(crate) fn of(&self, place: &Place) -> Option<&Watch> {
        self.by_place.get(place)
    }

    /// Looks whether programs listen.
    pub(crate) fn look(&mut self, intercepts: &[(Place, InterceptState)], now: Ms) {
        if intercepts.is_empty() {
            return;
        }
        let heard = Heard::now();
        for (place, state) in intercepts {
            let Some(watch) = self.by_place.get_mut(place) else { continue };
            let address: Option<IpAddr> = state.address.parse().ok();
            for port in &state.ports {
                let number = u16::try_from(port.local_port).ok();
                let listening = address
                    .zip(number)
                    .map(|(ip, port)| SocketAddr::new(ip, port))
                    .and_then(|at| heard.at(at, port.udp));
                let known = watch.ports.entry(port.local_port).or_default();
                known.listening = listening;
                known.was_heard |= listening == Some(true);
                known.silent_since = (listening == Some(false)).then(|| known.silent_since.unwrap_or(now));
            }
        }
    }

    /// Those that must be proven now: their pods have settled, and are others than they were. Each is told once.
    pub(crate) fn due(&mut self, intercepts: &[(Place, InterceptState)], now: Ms) -> Vec<Place> {
        let mut due = Vec::new();
        let settled = limits::SETTLED.as_millis() as i64;
        let mut running = self.by_place.values().filter(|watch| watch.proving).count();
        for (place, state) in intercepts {
            let Some(watch) = self.by_place.get_mut(place) else { continue };
            let in_force = state.phase() == InterceptPhase::Active && !state.ports.is_empty();
            let is_new = watch.proven_for.as_ref() != Some(&watch.pods.0);
            if in_force && is_new && !watch.proving && now.0 - watch.pods.1.0 >= settled && running < limits::PROOFS {
                watch.begin();
                running += 1;
                due.push(place.clone());
            }
        }
        due
    }

    /// Somebody wants it proven.
    pub(crate) fn prove(&mut self, place: &Place) -> bool {
        let Some(watch) = self.by_place.get_mut(place).filter(|watch| !watch.proving) else { return false };
        watch.begin();
        true
    }

    pub(crate) fn proven(&mut self, place: &Place, outcome: Result<Vec<Trial>, Fault>, now: Ms) {
        if let Some(watch) = self.by_place.get_mut(place) {
            watch.proving = false;
            watch.proof = Some(Proven { at: now, outcome });
        }
    }

    pub(crate) fn written(&mut self, place: Place, written: Written) {
        self.by_place.entry(place).or_default().written = Some(written);
    }

    /// The end of each, and since when it is so, is on screen now.
    pub(crate) fn see(&mut self, seen: Vec<(Place, i64)>) {
        for (place, since) in seen {
            if let Some(watch) = self.by_place.get_mut(&place) {
                watch.seen = Some(since);
            }
        }
    }

    /// Whether this state of it was on screen.
    pub(crate) fn is_seen(&self, place: &Place, state: &InterceptState) -> bool {
        self.of(place).is_some_and(|watch| watch.seen == Some(state.since))
    }
}

impl Watch {
    fn begin(&mut self) {
        self.proving = true;
        self.proven_for = Some(self.pods.0.clone());
    }

    /// Ways that don't lead here, as the last proof found.
    pub(crate) fn failed_ways(&self) -> impl Iterator<Item = &Trial> {
        let trials = self.proof.as_ref().and_then(|proof| proof.outcome.as_ref().ok());
        trials.into_iter().flatten().filter(|trial| trial.cause.is_some())
    }

    /// Whether a program has listened on this port.
    pub(crate) fn was_heard(&self, port: u32) -> bool {
        self.ports.get(&port).is_some_and(|port| port.was_heard)
    }

    /// Since when no program listens on one of its ports, and which.
    pub(crate) fn silent(&self) -> impl Iterator<Item = (u32, Ms)> {
        self.ports.iter().filter_map(|(number, port)| Some((*number, port.silent_since?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_ipc::proto::{InterceptPort, InterceptedPod};

    fn intercept(pods: &[&str], port: u16) -> Vec<(Place, InterceptState)> {
        let pod = |name: &&str| InterceptedPod { name: (*name).to_owned(), applied: true, ..InterceptedPod::default() };
        let state = InterceptState {
            phase: InterceptPhase::Active.into(),
            address: "127.0.0.1".into(),
            ports: vec![InterceptPort { port: "http".into(), udp: false, local_port: port.into() }],
            pods: pods.iter().map(pod).collect(),
            ..InterceptState::default()
        };
        vec![(Place { connection: "dev".into(), name: "web".into() }, state)]
    }

    #[test]
    fn a_proof_is_due_once_for_each_set_of_pods_that_has_settled() {
        let mut watched = Watched::default();
        let mut due = |pods: &[&str], now: i64| {
            let intercepts = intercept(pods, 1);
            watched.follow(&intercepts, Ms(now));
            let due = watched.due(&intercepts, Ms(now)).len();
            for (place, _) in intercepts.iter().take(due) {
                watched.proven(place, Ok(Vec::new()), Ms(now));
            }
            due
        };
        assert_eq!(due(&["web-0"], 0), 0, "it has not settled");
        assert_eq!(due(&["web-0"], 1_000), 1);
        assert_eq!(due(&["web-0"], 9_000), 0, "it is proven");
        assert_eq!(due(&["web-0", "web-1"], 9_100), 0);
        assert_eq!(due(&["web-0", "web-1"], 10_100), 1);
    }

    #[test]
    fn silence_of_a_port_is_timed() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let intercepts = intercept(&[], socket.local_addr().unwrap().port());
        let mut watched = Watched::default();
        watched.follow(&intercepts, Ms(0));
        watched.look(&intercepts, Ms(0));
        let place = intercepts[0].0.clone();
        assert_eq!(watched.of(&place).unwrap().silent().count(), 0);
        drop(socket);
        watched.look(&intercepts, Ms(5));
        watched.look(&intercepts, Ms(9));
        assert_eq!(watched.of(&place).unwrap().silent().map(|(_, since)| since).collect::<Vec<_>>(), [Ms(5)]);
    }
}
