//! What is intercepted, where it goes, and how to end it.

use std::time::Duration;

use hawser_client::intercept::Written;
use hawser_client::{some_of, words};
use hawser_fault::Fault;
use hawser_ipc::proto::{InterceptPhase, InterceptPort, InterceptState, Mount, MountState, PreviewReply, Trial};

use crate::output::style::{FAINT, GOOD, HEADING, WARNING, paint};
use crate::output::text::{harmless, width};
use crate::output::units;

/// Pods in a line. The rest is counted.
const PODS: usize = 8;

/// What there is to say of an intercept that has just been asked for.
pub(crate) struct Card {
    pub(crate) state: InterceptState,
    /// How long it took, if anybody waited.
    pub(crate) took: Option<Duration>,
    pub(crate) environment: Option<Environment>,
    /// The ways by which clients come, tried.
    pub(crate) proof: Vec<Trial>,
    pub(crate) warnings: Vec<Fault>,
}

/// What is told of a container's environment: no value of it.
pub(crate) struct Environment {
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) count: usize,
    pub(crate) written: Vec<Written>,
}

/// `now` is in Unix milliseconds.
pub(crate) fn card(card: &Card, now: i64) -> String {
    let Card { state, took, environment, proof, warnings } = card;
    let took = took.map(|took| format!(" in {}", units::latency(took.as_micros().try_into().unwrap_or(u64::MAX))));
    let style = if state.phase() == InterceptPhase::Active { GOOD } else { WARNING };
    let mut text = format!(
        "{} {}{}: {} in {}\n",
        paint(HEADING, &harmless(&state.name)),
        paint(style, result(state)),
        took.unwrap_or_default(),
        harmless(&workload(state)),
        harmless(&state.namespace),
    );
    let mut facts =
        vec![("traffic", traffic(state)), ("requests", state.http.as_ref().map(words::filter).unwrap_or_default())];
    facts.extend([("replicas", reached(state)), ("not reached", missed(state))]);
    facts.push(("proven for", proven(proof)));
    facts.extend(environment.iter().flat_map(told));
    facts.extend(state.mount.iter().flat_map(files));
    facts.extend([("ends", until(state, now)), ("leave with", format!("hawser leave {}", state.name))]);
    facts.retain(|(_, fact)| !fact.is_empty());
    let longest = facts.iter().map(|(label, _)| width(label)).max().unwrap_or_default();
    for (label, fact) in facts {
        let padding = " ".repeat(longest - width(label));
        text += &format!("  {}{padding}  {}\n", paint(FAINT, label), harmless(&fact));
    }
    let cause = state.cause.clone().map(Fault::from);
    let failed = failed(proof);
    for warning in cause.iter().chain(&failed).chain(warnings) {
        text += &format!(
            "{}: {}\n  {}\n  {} {}\n",
            paint(WARNING, "warning"),
            paint(HEADING, warning.code.title()),
            harmless(&warning.detail),
            paint(HEADING, "fix:"),
            harmless(&warning.fix),
        );
    }
    text
}

/// What an intercept would change.
pub(crate) fn preview(preview: &PreviewReply) -> String {
    let mut text = match preview.will_restart.as_slice() {
        [] => "No pod would be restarted.\n".to_owned(),
        pods => format!("Would restart {}.\n", pods.iter().map(|pod| harmless(pod)).collect::<Vec<_>>().join(", ")),
    };
    for note in &preview.notes {
        text.push_str(&format!("{}.\n", harmless(note)));
    }
    text
}

/// One line, the same as long as nothing happens to it.
pub(crate) fn line(state: &InterceptState) -> String {
    let mut line = format!("{} {}", words::phase(state.phase()), state.mode);
    line += &format!(" of {} in {}", workload(state), state.namespace);
    for part in [traffic(state), state.http.as_ref().map(words::filter).unwrap_or_default(), state.step.clone()] {
        if !part.is_empty() {
            line += &format!(", {part}");
        }
    }
    if let Some(mount) = &state.mount {
        line += &format!(", files {}", place(mount));
    }
    if let Some(cause) = state.cause.clone().map(Fault::from) {
        line += &format!("; {cause}");
    }
    line
}

/// When it ends by itself; empty if it doesn't.
pub(crate) fn until(state: &InterceptState, now: i64) -> String {
    match state.until {
        0 => String::new(),
        until => format!("in {}", units::age(units::since(now, until))),
    }
}

fn result(state: &InterceptState) -> &'static str {
    match (state.phase(), state.mode.as_str()) {
        (InterceptPhase::Active, "wiretap") => "wiretapped",
        (InterceptPhase::Active, "replace") => "replaced",
        (InterceptPhase::Active, "ingest") => "ingested",
        (InterceptPhase::Active, _) => "intercepted",
        (phase, _) => words::phase(phase),
    }
}

fn workload(state: &InterceptState) -> String {
    format!("{}/{}", state.kind.to_lowercase(), state.workload)
}

fn traffic(state: &InterceptState) -> String {
    let port = |port: &InterceptPort| {
        let udp = if port.udp { "/udp" } else { "" };
        format!("{}{udp} -> {}", port.port, words::handler(&state.address, port.local_port))
    };
    state.ports.iter().map(port).collect::<Vec<_>>().join(", ")
}

fn reached(state: &InterceptState) -> String {
    let named =
        |name: &str, address: &str| if address.is_empty() { name.to_owned() } else { format!("{name} ({address})") };
    let pods: Vec<String> =
        state.pods.iter().filter(|pod| pod.applied).map(|pod| named(&pod.name, &pod.address)).collect();
    some_of(&pods, PODS)
}

fn missed(state: &InterceptState) -> String {
    let pods: Vec<String> = state.pods.iter().filter(|pod| !pod.applied).map(|pod| pod.name.clone()).collect();
    some_of(&pods, PODS)
}

/// The ways that lead to this computer.
fn proven(proof: &[Trial]) -> String {
    let ways: Vec<String> = proof.iter().filter(|trial| trial.cause.is_none()).map(words::way).collect();
    some_of(&ways, PODS)
}

/// Why others do not: each reason once, and not for ever.
fn failed(proof: &[Trial]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for fault in proof.iter().filter_map(|trial| trial.cause.clone()).map(Fault::from) {
        if faults.len() < PODS && !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    faults
}

fn told(environment: &Environment) -> Vec<(&'static str, String)> {
    let Environment { pod, container, count, written } = environment;
    let plural = if *count == 1 { "" } else { "s" };
    let mut facts = vec![("environment", format!("{count} variable{plural} of {container} in {pod}"))];
    for Written { path, left_out } in written {
        let left_out = match left_out.as_slice() {
            [] => String::new(),
            names => format!(", without {}, which its format has no room for", some_of(names, PODS)),
        };
        facts.push(("written to", format!("{}{left_out}", path.display())));
    }
    facts
}

fn files(state: &MountState) -> Vec<(&'static str, String)> {
    vec![("files", place(state)), ("not readable", some_of(&state.unreadable, PODS))]
}

/// Where they are, and how.
fn place(state: &MountState) -> String {
    let Mount { path, read_only } = state.mount.clone().unwrap_or_default();
    let read_only = if read_only { ", read-only" } else { "" };
    match (state.mounted, state.cause.clone().map(Fault::from)) {
        (true, _) => format!("{path}{read_only}"),
        (false, None) => format!("not yet at {path}{read_only}"),
        (false, Some(cause)) => format!("not at {path} now: {cause}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use anstream::adapter::strip_str;
    use hawser_fault::Code;
    use hawser_ipc::proto::{HeaderMatch, HttpFilter, InterceptedPod, PathMatch};

    const NOW: i64 = 1_700_000_000_000;

    pub(crate) fn active() -> InterceptState {
        let pod =
            |name: &str, address: &str, applied| InterceptedPod { name: name.into(), address: address.into(), applied };
        InterceptState {
            connection: "dev".into(),
            name: "web".into(),
            namespace: "shop".into(),
            kind: "Deployment".into(),
            workload: "web".into(),
            mode: "intercept".into(),
            ports: vec![InterceptPort { port: "http".into(), udp: false, local_port: 8080 }],
            address: "127.0.0.1".into(),
            phase: InterceptPhase::Active.into(),
            since: NOW,
            pods: vec![pod("web-0", "10.1.0.4", true), pod("web-1", "", false)],
            object: "web-1a2b3".into(),
            ..InterceptState::default()
        }
    }

    fn shown(state: InterceptState, environment: Option<Environment>, warnings: Vec<Fault>) -> String {
        proven(state, environment, Vec::new(), warnings)
    }

    fn proven(
        state: InterceptState,
        environment: Option<Environment>,
        proof: Vec<Trial>,
        warnings: Vec<Fault>,
    ) -> String {
        let card_ = Card { state, took: Some(Duration::from_millis(210)), environment, proof, warnings };
        strip_str(&card(&card_, NOW)).to_string()
    }

    #[test]
    fn the_card_says_where_requests_go_and_how_to_end_that() {
        let written = Written { path: ".env".into(), left_out: vec!["KEY".into()] };
        let environment =
            Environment { pod: "web-0".into(), container: "app".into(), count: 12, written: vec![written] };
        let mount = MountState {
            mount: Some(Mount { path: "/run/web".into(), read_only: true }),
            mounted: true,
            cause: None,
            unreadable: vec!["/etc/key".into()],
        };
        let state = InterceptState { until: NOW + 7_200_000, mount: Some(mount), ..active() };
        let expected = "\
web intercepted in 210 ms: deployment/web in shop
  traffic       http -> 127.0.0.1:8080
  replicas      web-0 (10.1.0.4)
  not reached   web-1
  environment   12 variables of app in web-0
  written to    .env, without KEY, which its format has no room for
  files         /run/web, read-only
  not readable  /etc/key
  ends          in 2 h 00 min
  leave with    hawser leave web
warning: Nobody listens on the local port
  127.0.0.1:8080 is silent
  fix: Start it.
";
        let warning = Fault::new(Code::LocalPortSilent, "127.0.0.1:8080 is silent").with_fix("Start it.");
        assert_eq!(shown(state, Some(environment), vec![warning]), expected);
    }

    #[test]
    fn the_card_says_which_ways_lead_here_and_why_others_do_not() {
        let silent = Fault::new(Code::ReplicaUnreached, "the pod web-1 (10.1.0.5:7400) does not answer").with_fix("F");
        let trial = |service: &str, pod: &str, address: &str, cause: Option<&Fault>| Trial {
            service: service.into(),
            pod: pod.into(),
            address: address.into(),
            port: 8080,
            udp: false,
            cause: cause.map(|fault| fault.clone().into()),
        };
        let proof = vec![
            trial("web", "web-0", "10.96.0.11:80", None),
            trial("", "web-0", "10.1.0.4:7400", None),
            trial("", "web-1", "10.1.0.5:7400", Some(&silent)),
            trial("", "web-1", "10.1.0.5:7400", Some(&silent)),
        ];
        let text = proven(active(), None, proof, Vec::new());
        assert!(text.contains("\n  proven for   service web (10.96.0.11:80), web-0 (10.1.0.4:7400)\n"), "{text}");
        let warning = "warning: Not all that clients ask for reaches this laptop\n  \
                       the pod web-1 (10.1.0.5:7400) does not answer\n  fix: F\n";
        assert_eq!(text.matches(warning).count(), 1, "{text}");
    }

    #[test]
    fn what_waits_says_why() {
        let cause = Some(Fault::new(Code::PodAbsent, "web has no replicas").into());
        let state = InterceptState { phase: InterceptPhase::Waiting.into(), cause, pods: Vec::new(), ..active() };
        let text = shown(state, None, Vec::new());
        assert!(text.starts_with("web waiting in 210 ms: "), "{text}");
        assert!(text.contains("\n  web has no replicas\n"), "{text}");
    }

    #[test]
    fn filters_and_protocols_are_in_words() {
        let header = |name: &str, value: &str, regex| HeaderMatch { name: name.into(), value: value.into(), regex };
        let http = HttpFilter {
            headers: vec![header("x-user", "ann", false), header("x-trace", "a.*", true)],
            path: Some(PathMatch { value: "/api".into(), kind: "PathPrefix".into() }),
            method: "GET".into(),
        };
        let ports = vec![InterceptPort { port: "dns".into(), udp: true, local_port: 5353 }];
        let state =
            InterceptState { http: Some(http), ports, address: "::1".into(), mode: "wiretap".into(), ..active() };
        assert_eq!(
            line(&state),
            "active wiretap of deployment/web in shop, dns/udp -> [::1]:5353, \
             GET and path below /api and x-user = ann and x-trace ~ a.*"
        );
        assert!(shown(state, None, Vec::new()).starts_with("web wiretapped in "));
    }
}
