//! Every view of some worlds, as it goes to the page. `INSTA_UPDATE=always cargo test -p hawser-controller` writes them anew.

use std::sync::Arc;

use hawser_client::intercept::Place;
use hawser_client::kubeconfig::{Context, Environment, Found, Impersonation, Selection};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{
    Connection, HttpFilter, InterceptPhase, InterceptPort, InterceptState, MountState, PathMatch, Requests, State,
    Trial,
};
use hawser_stub::{Live, catalogue, cluster, intercepted, snapshot};
use serde_json::{Value, json};

use super::{screen, shell};
use crate::facts::Facts;
use crate::handle::Posture;
use crate::news::News;
use crate::view::{ContextId, Ms, Screen};
use crate::{Draft, DraftPort, Surroundings, limits};

const NOW: i64 = 1_700_000_000_000;
const UID: u32 = 4_000_000_001;

#[tokio::test]
async fn nothing() {
    let mut facts = world();
    facts.take_in(
        News::Broke { fault: Fault::new(Code::HelperNotAllowed, "you are not in it"), silent: false },
        Ms(NOW),
    );
    facts.take_in(News::Files { found: Found::default(), managers: Vec::new(), faults: Vec::new() }, Ms(NOW));
    insta::assert_snapshot!(views(facts));
}

#[tokio::test]
async fn connected() {
    let mut world = Running::new().await;
    world.say(vec![Connection { state: State::Connecting.into(), step: "dialling".into(), ..dev() }]);
    world.say(vec![dev()]);
    insta::assert_snapshot!(views(world.facts));
}

#[tokio::test]
async fn intercepting_with_proof() {
    let mut world = Running::new().await;
    let filter = HttpFilter {
        path: Some(PathMatch { value: "/cart".into(), kind: "PathPrefix".into() }),
        method: "POST".into(),
        ..HttpFilter::default()
    };
    let ports = vec![InterceptPort { port: "http".into(), udp: false, local_port: 8080 }];
    let mount = Some(MountState { mounted: true, ..MountState::default() });
    let requests = Some(Requests { matched: 12, passed: u64::MAX, dropped: 0 });
    let web = InterceptState { ports, http: Some(filter), requests, mount, until: NOW + 3_600_000, ..intercepted() };
    world.say(vec![Connection { intercepts: vec![web], ..dev() }]);
    let place = Place { connection: "dev".into(), name: "web".into() };
    let trial =
        Trial { service: "web".into(), pod: "web-0".into(), address: "10.96.0.11:80".into(), ..Trial::default() };
    let cause = Some(Fault::new(Code::ReplicaUnreached, "a pod answered instead").into());
    let failed = Trial { pod: "web-1".into(), cause, ..trial.clone() };
    world.facts.take_in(News::Proven(place, Ok(vec![trial, failed])), Ms(NOW));
    let draft = Draft {
        revision: 1,
        connection: "dev".into(),
        namespace: "shop".into(),
        kind: "Deployment".into(),
        workload: "web".into(),
        ports: vec![DraftPort { local: "8080".into(), port: "http".into(), udp: false }, DraftPort::default()],
        headers: vec!["x-user".into()],
        ..Draft::default()
    };
    world.facts.form.open(draft);
    world.facts.take_in(News::Catalogue(Ok(whole())), Ms(NOW));
    insta::assert_snapshot!(views(world.facts));
}

#[tokio::test]
async fn a_login_is_needed() {
    let mut world = Running::new().await;
    let cause = Some(Fault::new(Code::LoginRequired, "the token of ann has expired").into());
    world.say(vec![Connection { state: State::NeedsLogin.into(), cause, ..dev() }]);
    insta::assert_snapshot!(views(world.facts));
}

#[tokio::test]
async fn failed() {
    let mut world = Running::new().await;
    let cause = Some(Fault::new(Code::ApiUnreachable, "203.0.113.7:6443 refused").into());
    world.say(vec![Connection { state: State::Failed.into(), cause, ..dev() }]);
    let fault = Fault::new(Code::ManagerUnreachable, "10.0.0.1:7300 refused");
    world.facts.take_in(News::Tried(ContextId(1), Err(fault)), Ms(NOW));
    let unreadable = Fault::new(Code::KubeconfigMalformed, "~/.kube/bad.yaml, line 7: no list");
    world.facts.contexts.faults.push(unreadable);
    insta::assert_snapshot!(views(world.facts));
}

#[tokio::test]
async fn only_others_are_connected() {
    let mut world = Running::new().await;
    let theirs = Connection { owner: UID + 1, intercepts: vec![intercepted()], ..dev() };
    world.say(vec![theirs]);
    insta::assert_snapshot!(views(world.facts));
}

#[tokio::test]
async fn names_that_mean_harm() {
    let mut world = Running::new().await;
    let (script, turned, long) = ("<img src=x onerror=alert(1)>", "\u{202e}gnp.exe\u{202c}", "x".repeat(300));
    let ended = InterceptState {
        name: turned.into(),
        phase: InterceptPhase::Ended.into(),
        cause: Some(Fault::new(Code::InterceptEnded, script).into()),
        ..intercepted()
    };
    let web = InterceptState { workload: script.into(), namespace: long.clone(), ..intercepted() };
    let step = "\u{1b}[2J".to_owned() + script;
    let troubles = vec![Fault::new(Code::SubnetConflict, script).into()];
    let harmful = Connection { troubles, way: long, manager: turned.into(), intercepts: vec![ended, web], ..dev() };
    world.say(vec![harmful, Connection { name: script.into(), state: State::Connecting.into(), step, ..dev() }]);
    insta::assert_snapshot!(views(world.facts));
}

/// A connection that stands.
fn dev() -> Connection {
    Connection {
        owner: UID,
        since: NOW - 60_000,
        target: "203.0.113.7:6443".into(),
        device: "hawser0".into(),
        also_proxy: vec!["10.96.0.0/16".into()],
        never_proxy: vec!["203.0.113.7/32".into()],
        left_alone: vec!["192.168.0.0/24".into()],
        round_trip_us: 12_000,
        sent_bytes: 1_000,
        received_bytes: 2_000,
        open_flows: 3,
        way: "port-forward".into(),
        manager: "hawser-manager 0.1.0".into(),
        ..cluster("dev")
    }
}

fn whole() -> hawser_ipc::proto::Catalogue {
    hawser_ipc::proto::Catalogue { whole: true, namespaces: catalogue(), removed: Vec::new() }
}

/// A world whose helper answers, with two contexts.
struct Running {
    facts: Facts,
    client: hawser_ipc::Client,
    _helper: Live,
}

impl Running {
    async fn new() -> Self {
        let helper = Live::start();
        let client = hawser_ipc::connect(helper.socket()).await.unwrap();
        let mut facts = world();
        let context = |name: &str, server: &str, current: bool| Context {
            name: name.into(),
            selection: Selection {
                files: vec![],
                context: None,
                namespace: None,
                impersonation: Impersonation::default(),
            },
            file: "/home/ann/.kube/config".into(),
            server: server.into(),
            namespace: "shop".into(),
            plugin: current.then(|| "kubelogin".to_owned()),
            at_terminal: false,
            current,
        };
        let contexts = vec![context("dev", "203.0.113.7:6443", true), context("live", "203.0.113.8:6443", false)];
        let found = Found { contexts, ..Found::default() };
        facts.take_in(News::Files { found, managers: Vec::new(), faults: Vec::new() }, Ms(NOW));
        Self { facts, client, _helper: helper }
    }

    fn say(&mut self, connections: Vec<Connection>) {
        let software = format!("hawser-helper {}", self.facts.surroundings.version);
        let said = hawser_ipc::proto::Snapshot { software, ..snapshot(connections) };
        self.facts.take_in(News::Snapshot(1, self.client.clone(), said), Ms(NOW));
    }
}

/// Nothing is known in it.
fn world() -> Facts {
    let home = std::path::Path::new("/home/ann");
    let environment = Environment { variables: [("HOME".into(), home.into())].into(), directory: home.to_owned() };
    let mut facts = Facts::new(Arc::new(Surroundings {
        socket: "/run/hawser/helper.sock".into(),
        environment,
        program: "/usr/bin/hawser".into(),
        settings: home.join(".config/hawser/settings.toml"),
        runtime: "/run/user/1000/hawser".into(),
        uid: UID,
        version: "1.2.3",
        demo: false,
    }));
    facts.posture = Posture { pages: 1, attached: true, hosted: true };
    facts
}

/// The frame, every screen and the tray.
fn views(facts: Facts) -> String {
    let now = Ms(NOW + limits::WRONG.as_millis() as i64);
    let mut all = json!({ "shell": shell(&facts, now) });
    for of in [
        Screen::Welcome,
        Screen::Clusters,
        Screen::Subnets,
        Screen::Intercepts,
        Screen::Picker,
        Screen::Traffic,
        Screen::Doctor,
        Screen::Settings,
    ] {
        let Value::Object(update) = serde_json::to_value(screen(&facts, of)).unwrap() else { panic!() };
        all[update["kind"].as_str().unwrap()] = update["view"].clone();
    }
    // Whether files can be mounted depends on the computer.
    all["picker"]["mount"] = Value::Null;
    format!("{}\n{:#?}", serde_json::to_string_pretty(&all).unwrap(), crate::tray::of(&facts, now))
}
