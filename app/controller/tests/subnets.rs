//! Where subnets lead, who has set what, and other subnets over a connection that is there.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recorder;

use hawser_controller::view::{ContextId, HelperState, Source};
use hawser_controller::{Act, Screen, Tuning};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::connect_request::Target;
use hawser_ipc::proto::{
    Alias, Connection, Delivered, Disposition, InterceptPort, InterceptState, Placement, Requests, RerouteRequest,
    Served, SubnetSource,
};
use hawser_stub::{Call, Live, cluster, intercepted, snapshot};
use recorder::Stage;

const DEMO: &str =
    "manager = \"10.0.0.1:7300\"\npin = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n";
const MANAGER: (&str, &str) = (".config/hawser/managers/demo.toml", DEMO);

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn placement(subnet: &str, disposition: Disposition, source: SubnetSource) -> Placement {
    let (disposition, source) = (disposition.into(), source.into());
    Placement { subnet: subnet.into(), disposition, source, ..Placement::default() }
}

fn demo() -> Connection {
    Connection { name: "demo".into(), target: "10.0.0.1:7300".into(), context: String::new(), ..cluster("") }
}

/// What changes a connection, of all that the helper was asked.
fn changes(live: &Live) -> Vec<Call> {
    let mut calls = live.calls();
    calls.retain(|call| matches!(call, Call::Reroute(_) | Call::Connect(_) | Call::Disconnect(_)));
    calls
}

/// A page that shows the user's connection `demo`.
async fn stage(live: &Live) -> (Stage, ContextId) {
    live.push(snapshot(vec![demo()]));
    let stage = Stage::new(live, &[MANAGER]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let row =
        stage.until("the row", |record| record.clusters()?.rows.into_iter().find(|row| row.connection.is_some())).await;
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    (stage, row.id)
}

#[tokio::test]
async fn every_subnet_is_shown_with_who_has_it() {
    let live = Live::start();
    let (stage, _) = stage(&live).await;
    stage.handle.act(Act::Show { screen: Screen::Subnets }).await.unwrap();
    let conflict = Placement {
        route: "10.96.1.0/24".into(),
        device: "docker0".into(),
        owner: "Docker".into(),
        why: "docker0 has it".into(),
        ..placement("10.96.0.0/16", Disposition::Conflict, SubnetSource::Cluster)
    };
    let placements = vec![
        conflict.clone(),
        Placement { device: "tun0".into(), ..conflict },
        placement("10.2.0.0/16", Disposition::Excluded, SubnetSource::NeverProxy),
        placement("10.0.0.1/32", Disposition::Excluded, SubnetSource::Manager),
        placement("172.30.0.0/16", Disposition::LeftAlone, SubnetSource::Cluster),
        placement("10.97.0.0/16", Disposition::Routed, SubnetSource::AlsoProxy),
    ];
    let connection = Connection {
        placements,
        subnets: texts(&["10.97.0.0/16", "10.98.0.0/16"]),
        never_proxy: texts(&["10.2.0.0/16", "10.0.0.1/32"]),
        served: Some(Served::default()),
        ..demo()
    };
    live.push(snapshot(vec![connection]));
    let view = stage
        .until("conflicts", |record| record.subnets().filter(|view| !view.connections[0].conflicts.is_empty()))
        .await;
    let of = &view.connections[0];
    let held: Vec<_> = of.conflicts.iter().map(|one| (one.device.as_deref(), one.owner.as_deref())).collect();
    assert_eq!(held, [(Some("docker0"), Some("Docker")), (Some("tun0"), Some("Docker"))]);
    assert_eq!((of.routed[0].source, of.routed.len(), of.more), (Source::UserAlso, 1, 1));
    assert_eq!((of.excluded[1].source, of.excluded[1].device.as_deref()), (Source::Manager, None));
    assert_eq!(
        (of.left_alone.len(), of.never.as_slice()),
        (1, texts(&["10.2.0.0/16"]).as_slice()),
        "and not the manager's"
    );
}

#[tokio::test]
async fn other_subnets_are_routed_at_once_and_kept_if_they_are_taken() {
    let live = Live::start();
    let (stage, context) = stage(&live).await;
    let settings = stage.home.path().join(".config/hawser/settings.toml");
    let kept = |net: &str| std::fs::read_to_string(&settings).is_ok_and(|text| text.contains(net));
    let reroute = |also: &str| Act::Reroute { connection: "demo".into(), also: texts(&[also]), never: Vec::new() };
    let asked = |also: &[&str], never: &[&str]| {
        Call::Reroute(RerouteRequest { name: "demo".into(), also_proxy: texts(also), never_proxy: texts(never) })
    };
    assert_eq!(stage.handle.act(reroute("10.0.0.1/8")).await.unwrap_err().code, "subnet-invalid");
    let theirs = Act::Reroute { connection: "theirs".into(), also: Vec::new(), never: Vec::new() };
    assert_eq!(stage.handle.act(theirs).await.unwrap_err().code, "not-connected");
    assert!(changes(&live).is_empty());

    stage.handle.act(reroute("10.1.0.0/16")).await.unwrap();
    assert_eq!(changes(&live), [asked(&["10.1.0.0/16"], &[])]);
    stage.until("kept", |_| kept("10.1.0.0/16").then_some(())).await;

    live.fail(Some(Fault::new(Code::SubnetConflict, "docker0 has it")));
    assert_eq!(stage.handle.act(reroute("172.16.0.0/12")).await.unwrap_err().code, "subnet-conflict");
    assert!(kept("10.1.0.0/16") && !kept("172.16.0.0/12"));

    live.fail(None);
    let tuning = Tuning { also: texts(&["10.1.0.0/16"]), never: texts(&["10.2.0.0/16"]), ..Tuning::default() };
    stage.handle.act(Act::Tune { context, tuning: tuning.clone() }).await.unwrap();
    assert_eq!(changes(&live).last(), Some(&asked(&["10.1.0.0/16"], &["10.2.0.0/16"])));
    stage.until("kept", |_| kept("10.2.0.0/16").then_some(())).await;
    let calls = changes(&live).len();
    stage.handle.act(Act::Tune { context, tuning: Tuning { namespace: "team".into(), ..tuning } }).await.unwrap();
    assert!(kept("team") && changes(&live).len() == calls, "nothing else is to be routed");
}

#[tokio::test]
async fn a_connection_that_never_came_to_be_is_tried_again_with_other_subnets() {
    let live = Live::start();
    let (stage, _) = stage(&live).await;
    live.fail(Some(Fault::new(Code::NotConnected, "demo is not wanted any more")));
    let never = texts(&["10.96.1.0/24"]);
    stage.handle.act(Act::Reroute { connection: "demo".into(), also: Vec::new(), never: never.clone() }).await.unwrap();
    let calls = changes(&live);
    let [Call::Reroute(_), Call::Connect(request)] = &calls[..] else { panic!("{calls:?}") };
    let Some(Target::Standalone(target)) = &request.target else { panic!("{request:?}") };
    assert_eq!((&request.name, &target.never_proxy), (&"demo".to_owned(), &never));
}

#[tokio::test]
async fn settings_say_what_the_user_and_what_the_cluster_has_set() {
    let live = Live::start();
    let (stage, _) = stage(&live).await;
    stage.handle.act(Act::Show { screen: Screen::Settings }).await.unwrap();
    let served = Served {
        also: texts(&["192.0.2.0/24"]),
        excluded_domains: texts(&["corp.example.com"]),
        aliases: vec![Alias { name: "db".into(), target: "10.0.0.5".into() }],
        agent_idle_s: 600,
        ..Served::default()
    };
    let of_user = Connection { served: Some(served), also_proxy: texts(&["10.1.0.0/16"]), ..cluster("dev") };
    live.push(snapshot(vec![of_user]));
    let view = stage.until("all", |record| record.settings().filter(|view| !view.served.is_empty())).await;
    let lines = |list: &[hawser_controller::view::Served]| -> Vec<String> {
        list.iter().map(|one| format!("{}: {}", one.name, one.values.join(", "))).collect()
    };
    assert_eq!(lines(&view.chosen), ["Also through the cluster: 10.1.0.0/16", "Namespace: shop"]);
    assert_eq!(
        lines(&view.served),
        [
            "Also through the cluster: 192.0.2.0/24",
            "Names that are the cluster's: *.demo.local",
            "Names that stay out: *.corp.example.com",
            "Names that stand for others: db is 10.0.0.5",
            "How long an unused agent stays: 10 min 00 s",
        ]
    );
}

#[tokio::test]
async fn a_card_counts_what_came() {
    let live = Live::start();
    let (stage, _) = stage(&live).await;
    stage.handle.act(Act::Show { screen: Screen::Intercepts }).await.unwrap();
    let ports = vec![InterceptPort { port: "http".into(), udp: false, local_port: 9 }];
    let delivered = Some(Delivered { connections: 12, refused: 1, last: 5 });
    let requests = Some(Requests { matched: 30, passed: 340, dropped: 2 });
    let busy = InterceptState { ports, delivered, requests, ..intercepted() };
    let ingested = InterceptState { name: "files".into(), mode: "ingest".into(), ..intercepted() };
    live.push(snapshot(vec![Connection { intercepts: vec![busy, ingested], ..cluster("dev") }]));
    let view = stage.until("cards", |record| record.intercepts().filter(|view| view.cards.len() == 2)).await;
    assert_eq!(view.cards[0].delivered, None, "nothing is to come");
    assert_eq!(view.cards[0].requests, None, "nobody counts them");
    let delivered = view.cards[1].delivered.unwrap();
    assert_eq!((delivered.connections, delivered.refused, delivered.last.unwrap().0), (12, 1, 5));
    let requests = view.cards[1].requests.unwrap();
    assert_eq!((requests.matched, requests.passed, requests.dropped), (30, 340, 2));
}
