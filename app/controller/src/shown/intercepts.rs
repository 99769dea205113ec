//! What is intercepted.

use hawser_client::intercept::Place;
use hawser_client::words;
use hawser_fault::Fault;
use hawser_ipc::proto::{InterceptPhase, InterceptState, MountState, Trial};

use super::{problem, text};
use crate::Mode;
use crate::facts::{Facts, Proven};
use crate::view::{
    Card, Delivered, Files, Intercepts, Ms, Phase, PortLine, Possible, Problem, Proof, ProofState, Replica, Requests,
    Way, WorkloadRef,
};

pub(crate) fn intercepts(facts: &Facts) -> Intercepts {
    let mut cards: Vec<Card> = facts.intercepts().map(|(place, state)| card(facts, &place, state)).collect();
    cards.sort_by(|one, other| (&one.connection, &one.name).cmp(&(&other.connection, &other.name)));
    Intercepts { cards, ask: ask(facts) }
}

/// A command that asks the service by which clients come, else the first pod that is reached.
pub(crate) fn curl(facts: &Facts, place: &Place) -> Option<String> {
    let state = facts.intercept(place)?;
    let tcp = state.ports.iter().find(|port| !port.udp)?;
    let proof = facts.watched.of(place).and_then(|watch| watch.proof.as_ref());
    let trials = proof.and_then(|proof| proof.outcome.as_ref().ok());
    let service = trials.into_iter().flatten().find(|trial| !trial.service.is_empty() && !trial.udp);
    let target = match service {
        Some(trial) => {
            let port = trial.address.rsplit_once(':').map_or("", |(_, port)| port);
            format!("{}.{}:{port}", trial.service, state.namespace)
        }
        None => {
            let pod = state.pods.iter().find(|pod| pod.applied && !pod.address.is_empty())?;
            let number: u32 = tcp.port.parse().ok()?;
            words::handler(&pod.address, number)
        }
    };
    let path = state.http.as_ref().and_then(|http| http.path.as_ref()).filter(|path| path.kind != "RegularExpression");
    let path = path.map_or("/", |path| path.value.as_str());
    let mut command = "curl -v".to_owned();
    if let Some(http) = &state.http {
        if !http.method.is_empty() && http.method != "GET" {
            command += &format!(" -X {}", quoted(&http.method));
        }
        for header in http.headers.iter().filter(|header| !header.regex) {
            command += &format!(" -H {}", quoted(&format!("{}: {}", header.name, header.value)));
        }
    }
    Some(format!("{command} {}", quoted(&format!("http://{target}{path}"))))
}

/// For a shell, as one word.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]@%+,=".contains(c);
    if word.chars().all(plain) && !word.contains('[') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn card(facts: &Facts, place: &Place, state: &InterceptState) -> Card {
    let watch = facts.watched.of(place);
    let proof = watch.and_then(|watch| watch.proof.as_ref());
    let trials: &[Trial] = proof.and_then(|proof| proof.outcome.as_ref().ok()).map_or(&[], Vec::as_slice);
    let line = |port: &hawser_ipc::proto::InterceptPort| PortLine {
        port: port.port.clone(),
        udp: port.udp,
        local: words::handler(&state.address, port.local_port),
        listening: watch.and_then(|watch| watch.ports.get(&port.local_port)).and_then(|port| port.listening),
    };
    let replica = |pod: &hawser_ipc::proto::InterceptedPod| Replica {
        pod: pod.name.clone(),
        address: pod.address.clone(),
        applied: pod.applied,
        problem: trials.iter().filter(|trial| trial.pod == pod.name).find_map(|trial| problem(trial.cause.as_ref())),
    };
    Card {
        connection: place.connection.clone(),
        name: place.name.clone(),
        workload: WorkloadRef {
            namespace: state.namespace.clone(),
            kind: state.kind.clone(),
            name: state.workload.clone(),
        },
        container: text(&state.container),
        mode: Mode::of(&state.mode),
        phase: phase(state.phase()),
        step: text(&state.step),
        since: Ms(state.since),
        until: (state.until != 0).then_some(Ms(state.until)),
        ports: state.ports.iter().map(line).collect(),
        filter: state.http.as_ref().map(words::filter),
        delivered: (!state.ports.is_empty()).then(|| delivered(state)),
        requests: state.requests.map(requests),
        problem: problem(state.cause.as_ref()),
        replicas: state.pods.iter().map(replica).collect(),
        proof: proven(proof, watch.is_some_and(|watch| watch.proving)),
        files: state.mount.as_ref().map(files),
        environment: watch.and_then(|watch| watch.written.clone()),
        curl: curl(facts, place),
        ask_again: match state.phase() {
            InterceptPhase::Ended => Possible::Yes,
            _ => Possible::No { why: "it has not ended".to_owned() },
        },
    }
}

fn delivered(state: &InterceptState) -> Delivered {
    let said = state.delivered.unwrap_or_default();
    Delivered {
        connections: number(said.connections),
        refused: number(said.refused),
        last: (said.last != 0).then_some(Ms(said.last)),
    }
}

fn requests(said: hawser_ipc::proto::Requests) -> Requests {
    let hawser_ipc::proto::Requests { matched, passed, dropped } = said;
    Requests { matched: number(matched), passed: number(passed), dropped: number(dropped) }
}

fn number(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn proven(proof: Option<&Proven>, running: bool) -> Proof {
    let way = |trial: &Trial| Way { words: words::way(trial), problem: problem(trial.cause.as_ref()) };
    let outcome = proof.map(|proof| &proof.outcome);
    Proof {
        state: match (running, proof) {
            (true, _) => ProofState::Running,
            (false, Some(_)) => ProofState::Done,
            (false, None) => ProofState::None,
        },
        at: proof.map(|proof| proof.at),
        ways: outcome.and_then(|outcome| outcome.as_ref().ok()).into_iter().flatten().map(way).collect(),
        problem: outcome.and_then(|outcome| outcome.as_ref().err()).map(Problem::from),
    }
}

fn files(state: &MountState) -> Files {
    let mount = state.mount.clone().unwrap_or_default();
    Files {
        path: mount.path,
        read_only: mount.read_only,
        mounted: state.mounted,
        problem: state.cause.clone().map(Fault::from).map(Problem::from),
        unreadable: state.unreadable.clone(),
    }
}

fn ask(facts: &Facts) -> Possible {
    let no = |why: &str| Possible::No { why: why.to_owned() };
    if !facts.helper.is_up() {
        return no("the helper does not answer");
    }
    match (facts.interceptable().next(), facts.connections().next()) {
        (Some(_), _) => Possible::Yes,
        (None, None) => no("you are not connected to a cluster"),
        (None, Some(_)) => no("none of your connections is to a cluster and stands now"),
    }
}

fn phase(phase: InterceptPhase) -> Phase {
    match phase {
        InterceptPhase::Unspecified | InterceptPhase::Pending => Phase::Pending,
        InterceptPhase::Preparing => Phase::Preparing,
        InterceptPhase::Active => Phase::Active,
        InterceptPhase::Waiting => Phase::Waiting,
        InterceptPhase::Ending => Phase::Ending,
        InterceptPhase::Ended => Phase::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(quoted("http://web.shop:80/api"), "http://web.shop:80/api");
        assert_eq!(quoted("x-user: ann"), "'x-user: ann'");
        assert_eq!(quoted("it's; rm -rf $HOME"), r"'it'\''s; rm -rf $HOME'");
        assert_eq!(quoted("http://[fd00::1]:80/"), "'http://[fd00::1]:80/'");
    }
}
