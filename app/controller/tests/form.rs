//! The form for a new intercept, from what is typed to what came of it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recorder;

use hawser_controller::view::{Field, Phase, Picker, Possible, Preview, ProofState};
use hawser_controller::{Act, Copyable, Draft, DraftPort, EnvironmentFormat, Mode, Picked, Shape};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{ContainerPort, Namespace, PreviewReply, Trial};
use hawser_stub::{Live, cluster, snapshot};
use recorder::Stage;

#[tokio::test]
async fn a_form_becomes_an_intercept_with_proof_and_environment() {
    let live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let trial =
        Trial { service: "web".into(), pod: "web-0".into(), address: "10.96.0.11:80".into(), ..Trial::default() };
    live.prove_with(vec![trial]);
    live.preview_with(PreviewReply { will_restart: vec!["web-0".into()], notes: Vec::new() });
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.handle.act(Act::Pick { connection: None, intercept: None }).await.unwrap();
    let picker = stage.until("known", |record| record.picker().filter(|view| view.known)).await;
    assert_eq!((picker.draft.connection.as_str(), picker.draft.namespace.as_str()), ("dev", "shop"));
    assert_eq!(
        (picker.workloads[0].workload.name.as_str(), picker.workloads[0].holders[0].user.as_str()),
        ("web", "ann")
    );
    assert!(!picker.ready);

    let program = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let draft = Draft {
        revision: 1,
        kind: "Deployment".into(),
        workload: "web".into(),
        ports: vec![DraftPort { local: "http".into(), ..DraftPort::default() }],
        headers: vec!["x-user=ann".into()],
        environment: Some(EnvironmentFormat::Lines),
        until: "2h".into(),
        ..picker.draft
    };
    stage.handle.act(Act::Draft { draft: Box::new(draft.clone()) }).await.unwrap();
    let picker = stage.until("answered", |record| record.picker().filter(|view| view.revision == 1)).await;
    assert_eq!(picker.problems.len(), 1);
    assert_eq!((picker.problems[0].row, picker.ports[0].port.as_str()), (Some(0), "http"));
    let problem = stage.handle.act(Act::Intercept { revision: 1 }).await.unwrap_err();
    assert_eq!(problem.code, "bad-argument");

    let local = program.local_addr().unwrap().port().to_string();
    let ports = vec![DraftPort { local, ..DraftPort::default() }];
    let file = stage.home.path().join("web.env");
    stage.record(|record| record.choice = Some(file.clone()));
    stage.handle.act(Act::Choose { what: Picked::EnvironmentFile }).await.unwrap();
    stage.handle.act(Act::Draft { draft: Box::new(Draft { revision: 2, ports, ..draft }) }).await.unwrap();
    let chosen = |view: &Picker| view.ready && view.environment_path.as_deref() == file.to_str();
    stage.until("ready", |record| record.picker().filter(chosen)).await;
    let told = |view: &Picker| view.preview == Preview::Restarts { pods: vec!["web-0".into()], notes: vec![] };
    stage.until("previewed", |record| record.picker().filter(told)).await;
    stage.handle.act(Act::Intercept { revision: 1 }).await.unwrap_err();
    stage.handle.act(Act::Intercept { revision: 2 }).await.unwrap();

    let card = stage.until("proven", |record| {
        record
            .intercepts()?
            .cards
            .into_iter()
            .next()
            .filter(|card| card.proof.state == ProofState::Done && card.environment.is_some())
    });
    let card = card.await;
    assert_eq!((card.phase, card.filter.as_deref()), (Phase::Active, Some("x-user = ann")));
    assert_eq!((card.ports[0].port.as_str(), card.replicas[0].applied), ("http", true));
    assert!(card.until.is_some());
    assert_eq!(card.curl.as_deref(), Some("curl -v -H 'x-user: ann' http://web.shop:80/"));
    assert_eq!(card.environment.unwrap().variables, 1, "PATH is this computer's own");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "TOKEN=tops3cret\n");
    let listening = |record: &recorder::Record| record.intercepts()?.cards[0].ports[0].listening;
    assert!(stage.until("looked", listening).await);

    stage
        .handle
        .act(Act::Copy { what: Copyable::Curl { connection: "dev".into(), intercept: "web".into() } })
        .await
        .unwrap();
    assert!(stage.record(|record| record.copied[0].starts_with("curl")));
    let extend = |minutes| Act::Extend { connection: "dev".into(), intercept: "web".into(), minutes };
    stage.handle.act(extend(Some(0))).await.unwrap_err();
    stage.handle.act(extend(None)).await.unwrap();
    stage.until("for ever", |record| record.intercepts().filter(|view| view.cards[0].until.is_none())).await;
    stage.handle.act(Act::Leave { connection: "dev".into(), intercept: "web".into() }).await.unwrap();
    stage.until("left", |record| record.intercepts().filter(|view| view.cards.is_empty())).await;
    assert!(stage.record(|record| record.notices.is_empty()), "none for what the user does");
}

#[tokio::test]
async fn what_the_cluster_refuses_stays_in_the_form() {
    let live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    live.fail(Some(Fault::new(Code::PortHeld, "ann holds http")));
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.handle.act(Act::Pick { connection: Some("dev".into()), intercept: None }).await.unwrap();
    let picker = stage.until("known", |record| record.picker().filter(|view| view.known)).await;
    let draft = Draft { revision: 7, kind: "Deployment".into(), workload: "web".into(), ..picker.draft };
    stage.handle.act(Act::Draft { draft: Box::new(draft) }).await.unwrap();
    stage.until("ready", |record| record.picker().filter(|view| view.ready)).await;
    let problem = stage.handle.act(Act::Intercept { revision: 7 }).await.unwrap_err();
    assert_eq!(problem.code, "port-held");
    let picker = stage.until("failed", |record| record.picker().filter(|view| view.failed.is_some())).await;
    assert!(picker.ready && picker.asking.is_none());
}

/// The view that answers this draft, over a cluster with these workloads.
async fn answered(namespaces: Vec<Namespace>, part: Draft) -> Picker {
    let live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    live.push_namespaces(namespaces);
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.handle.act(Act::Pick { connection: None, intercept: None }).await.unwrap();
    stage.until("known", |record| record.picker().filter(|view| view.known)).await;
    let draft = Draft {
        revision: 1,
        connection: "dev".into(),
        namespace: "shop".into(),
        kind: "Deployment".into(),
        workload: "web".into(),
        ..part
    };
    stage.handle.act(Act::Draft { draft: Box::new(draft) }).await.unwrap();
    stage.until("answered", |record| record.picker().filter(|view| view.revision == 1)).await
}

fn port(port: &str) -> Vec<DraftPort> {
    vec![DraftPort { local: "9000".into(), port: port.into(), udp: false }]
}

#[tokio::test]
async fn the_container_that_is_meant_is_named_and_says_whether_it_has_files() {
    let web = answered(hawser_stub::catalogue(), Draft { ports: port("http"), ..Draft::default() }).await;
    let containers = web.containers.unwrap();
    assert_eq!((containers.unnamed.as_str(), containers.note), ("web, which has the port", None));
    let seen: Vec<(&str, usize, bool)> =
        containers.all.iter().map(|one| (one.name.as_str(), one.ports.len(), one.has_files)).collect();
    assert_eq!(seen, [("web", 1, true), ("log", 0, false)]);
    assert_eq!(containers.all[0].ports, ["http 8080"]);

    let draft = Draft { container: "log".into(), mount: true, ports: port("http"), ..Draft::default() };
    let log = answered(hawser_stub::catalogue(), draft).await;
    let why = "container log has no volumes. Choose another container, or go without its files.";
    assert_eq!(log.mount, Possible::No { why: why.into() });
    assert_eq!((log.problems.len(), log.problems[0].field), (1, Field::Mount));

    let draft = Draft { container: "gone".into(), ports: port("http"), ..Draft::default() };
    let gone = answered(hawser_stub::catalogue(), draft).await;
    assert_eq!(gone.problems[0].problem.code, "container-unknown");
    assert!(gone.problems[0].problem.detail.ends_with("its containers: web, log"));
}

#[tokio::test]
async fn a_port_that_leads_to_no_container_or_several_is_said() {
    let with_target = |target: &str| {
        let mut namespaces = hawser_stub::catalogue();
        namespaces[0].services[0].ports[0].target = target.into();
        let containers = &mut namespaces[0].workloads[0].containers.as_mut().unwrap().containers;
        let admin = ContainerPort { name: "admin".into(), number: 9901, protocol: "TCP".into() };
        containers[0].ports.push(admin.clone());
        containers[1].ports.push(ContainerPort { number: 9902, ..admin });
        namespaces
    };
    let said = async |target: &str| {
        let view = answered(with_target(target), Draft { ports: port("80"), ..Draft::default() }).await;
        let containers = view.containers.unwrap();
        (containers.unnamed, containers.note.unwrap())
    };
    let unclear = |note: &str| ("The one with the port".to_owned(), note.to_owned());
    assert_eq!(said("gone").await, unclear("No container has a port gone."));
    assert_eq!(said("admin").await, unclear("Several have a port admin: log, web. Choose one."));
    let note = "No container declares the port 4444: it counts as web's.".to_owned();
    assert_eq!(said("4444").await, ("web, the first".to_owned(), note));
    let draft = Draft { mode: Mode::Ingest, ..Draft::default() };
    let containers = answered(with_target("gone"), draft).await.containers.unwrap();
    assert_eq!((containers.unnamed.as_str(), containers.note), ("web, the first", None));
}

#[tokio::test]
async fn an_older_manager_s_containers_are_typed() {
    let mut namespaces = hawser_stub::catalogue();
    namespaces[0].workloads[0].containers = None;
    let draft = Draft { container: "web".into(), ports: port("http"), ..Draft::default() };
    let view = answered(namespaces, draft).await;
    assert_eq!((view.containers, view.problems), (None, vec![]));
}

#[tokio::test]
async fn where_the_agent_is_there_no_pod_starts_anew() {
    let there = async |mode, wanted: &str| {
        let mut namespaces = hawser_stub::catalogue();
        namespaces[0].workloads[0].with_agent = true;
        answered(namespaces, Draft { mode, ports: port(wanted), ..Draft::default() }).await
    };
    let view = there(Mode::Intercept, "http").await;
    assert!(view.agent_there);
    assert!(view.effect.starts_with("No pod of deployment/web is restarted."), "{}", view.effect);
    assert!(there(Mode::Wiretap, "80").await.agent_there);
    assert!(there(Mode::Ingest, "").await.agent_there);
    assert!(!there(Mode::Replace, "http").await.agent_there, "its program has to end");
    assert!(!there(Mode::Intercept, "9901").await.agent_there, "the agent may not stand before it");
    let without = answered(hawser_stub::catalogue(), Draft { ports: port("http"), ..Draft::default() }).await;
    assert!(!without.agent_there && without.effect.contains("restarted to get one"));
}
