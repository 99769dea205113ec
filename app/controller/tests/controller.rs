//! The controller against a helper that says what it is told to, on a real socket.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recorder;

use hawser_controller::view::{Clusters, ConnectionState, HelperState, NoticeKind, Possible};
use hawser_controller::{
    Act, Copyable, Item, List, Picked, QuitAnswer, Remedy, Screen, Setting, Shape, TrayAct, Tuning, Window,
};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, InterceptPhase, InterceptPort, InterceptState, Snapshot, State, Workload};
use hawser_stub::{Call, Live, cluster, intercepted, snapshot};
use recorder::Stage;
use recorder::alone::{alone, companion};

const DEMO: &str =
    "manager = \"10.0.0.1:7300\"\npin = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n";
const MANAGER: (&str, &str) = (".config/hawser/managers/demo.toml", DEMO);

const KUBECONFIG: &str = "
current-context: dev
contexts: [{name: dev, context: {cluster: c, user: u, namespace: shop}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: tops3cret}}]
";

fn own(connection: Connection) -> Connection {
    Connection { owner: nix::unistd::geteuid().as_raw(), ..connection }
}

fn with(connection: Connection, intercepts: Vec<InterceptState>) -> Snapshot {
    snapshot(vec![Connection { intercepts, ..connection }])
}

#[tokio::test]
async fn a_push_is_shown_and_what_vanished_stays_greyed() {
    let mut live = Live::start();
    let stage = Stage::new(&live, &[(".kube/config", KUBECONFIG), (".kube/bad.yaml", "contexts: ["), ("x", "")]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let clusters = stage.until("the file is read", |record| record.clusters().filter(|view| view.total == 1)).await;
    assert_eq!((clusters.rows[0].name.as_str(), clusters.rows[0].state), ("dev", ConnectionState::Off));
    assert!(clusters.rows[0].current && clusters.unreadable[0].detail.contains("bad.yaml"));
    stage.until("it is off", |record| record.tray.clone().filter(|tray| tray.shape == Shape::Off)).await;

    live.push(snapshot(vec![
        cluster("dev"),
        Connection { owner: 4242, name: "theirs".into(), ..Connection::default() },
    ]));
    let shell = stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    assert_eq!((shell.heading.as_str(), shell.stale), ("dev connected", false));
    let clusters = stage.until("the row", |record| record.clusters().filter(|view| !view.others.is_empty())).await;
    assert_eq!((clusters.rows[0].state, clusters.others[0].user.as_str()), (ConnectionState::Connected, "uid 4242"));
    assert_eq!(clusters.rows[0].acts.disconnect, Possible::Yes);

    live.vanish();
    let shell = stage.until("greyed", |record| record.shell().filter(|view| view.stale)).await;
    assert_eq!((shell.helper, shell.shape), (HelperState::Absent, Shape::Missing));
    let stands = |view: &Clusters| view.rows[0].acts.disconnect == Possible::Yes;
    let clusters = stage.until("the row", |record| record.clusters().filter(|view| !stands(view))).await;
    assert_eq!(clusters.rows[0].state, ConnectionState::Connected, "the last data stays");

    live.come_back();
    stage.until("back", |record| record.shell().filter(|view| !view.stale && view.shape == Shape::On)).await;
}

#[tokio::test]
async fn a_helper_that_restarts_at_once_was_never_away() {
    let mut live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    let trays = stage.record(|record| record.trays);
    live.vanish();
    live.come_back();
    live.push(snapshot(vec![cluster("dev"), cluster("live")]));
    stage.until("both", |record| record.shell().filter(|view| view.heading == "2 clusters connected")).await;
    assert_eq!(stage.record(|record| record.trays), trays + 1, "nothing was shown in between");
}

#[tokio::test]
async fn each_state_of_the_helper_has_its_remedy() {
    let live = Live::start();
    live.refuse(Some(Fault::new(Code::HelperNotAllowed, "you are not in the group hawser")));
    let stage = Stage::new(&live, &[]);
    let shell = stage.until("refused", |record| record.shell().filter(|view| view.problem.is_some())).await;
    assert_eq!((shell.helper, shell.problem.unwrap().remedy), (HelperState::Refused, Some(Remedy::JoinGroup)));
    live.refuse(None);
    stage.until("answers", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    for (software, state) in [("hawser-helper 0.0.9", HelperState::Older), ("hawser-helper 99.0.0", HelperState::Newer)]
    {
        live.push(Snapshot { software: software.into(), connections: vec![cluster("dev")] });
        let shell = stage.until("other version", |record| record.shell().filter(|view| view.helper == state)).await;
        assert_eq!((shell.shape, shell.stale), (Shape::Missing, false), "{software}");
    }
}

#[tokio::test]
async fn a_connection_is_made_and_ended_by_its_row() {
    let live = Live::start();
    let stage = Stage::new(&live, &[MANAGER]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let row = stage.until("the row", |record| record.clusters()?.rows.into_iter().next()).await;
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    stage.handle.act(Act::Connect { context: row.id }).await.unwrap();
    let calls = live.calls();
    assert!(matches!(&calls[..], [Call::Connect(request)] if request.name == "demo"), "{calls:?}");

    let demo =
        own(Connection { name: "demo".into(), target: "10.0.0.1:7300".into(), context: String::new(), ..cluster("") });
    live.push(snapshot(vec![demo]));
    stage.until("on", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.handle.act(Act::Disconnect { connection: "demo".into() }).await.unwrap();
    stage.until("off", |record| record.shell().filter(|view| view.shape == Shape::Off)).await;
    let problem = stage.handle.act(Act::Disconnect { connection: "demo".into() }).await.unwrap_err();
    assert_eq!(problem.code, "not-connected");
}

#[tokio::test]
async fn a_first_attempt_that_fails_is_remembered_until_it_is_seen_or_dismissed() {
    let live = Live::start();
    live.fail(Some(Fault::new(Code::ManagerUnreachable, "10.0.0.1:7300 refused")));
    let stage = Stage::new(&live, &[MANAGER]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let row = stage.until("the row", |record| record.clusters()?.rows.into_iter().next()).await;
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    stage.handle.act(Act::Show { screen: Screen::Traffic }).await.unwrap();
    stage.handle.act(Act::Connect { context: row.id }).await.unwrap();
    let shell = stage.until("attention", |record| record.shell().filter(|view| view.shape == Shape::Attention)).await;
    assert_eq!(shell.heading, "demo: The manager cannot be reached");
    assert_eq!((shell.badges[0].screen, shell.badges[0].count), (Screen::Clusters, 1));

    stage.handle.act(Act::Show { screen: Screen::Clusters }).await.unwrap();
    stage.until("seen", |record| record.shell().filter(|view| view.shape == Shape::Off)).await;
    let failed = |view: &Clusters| view.rows[0].state == ConnectionState::Failed;
    let failed = stage.until("the row", |record| record.clusters().filter(failed)).await.rows.remove(0);
    assert_eq!(failed.problem.unwrap().remedy, Some(Remedy::Retry { context: row.id }));
    stage.handle.act(Act::Dismiss { context: row.id }).await.unwrap();
    let off = |view: &Clusters| view.rows[0].state == ConnectionState::Off;
    stage.until("dismissed", |record| record.clusters().filter(off)).await;
}

#[tokio::test]
async fn a_cluster_is_connected_with_the_choices_made_for_it() {
    let Some(folder) = std::env::var_os("HAWSER_TEST_ALONE") else {
        return alone("a_cluster_is_connected_with_the_choices_made_for_it");
    };
    let taken = companion(std::path::Path::new(&folder));
    let live = Live::start();
    let stage = Stage::new(&live, &[(".kube/config", KUBECONFIG)]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let row = stage.until("the row", |record| record.clusters()?.rows.into_iter().next()).await;
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    let wrong = Tuning { also: vec!["10.0.0.1/8".into()], ..Tuning::default() };
    let problem = stage.handle.act(Act::Tune { context: row.id, tuning: wrong }).await.unwrap_err();
    assert_eq!(problem.code, "subnet-invalid");
    let tuning = Tuning { namespace: "team".into(), also: vec!["10.0.0.0/8".into()], ..Tuning::default() };
    stage.handle.act(Act::Tune { context: row.id, tuning }).await.unwrap();
    stage.handle.act(Act::Connect { context: row.id }).await.unwrap();

    let calls = live.calls();
    let [Call::Connect(request)] = &calls[..] else { panic!("{calls:?}") };
    let Some(hawser_ipc::proto::connect_request::Target::Kubernetes(target)) = &request.target else { panic!() };
    assert_eq!((request.name.as_str(), target.namespace.as_str()), ("dev", "team"));
    assert_eq!(
        (target.also_proxy.as_slice(), target.manager_namespace.as_str()),
        (&["10.0.0.0/8".to_owned()][..], "hawser")
    );
    assert!(!target.profile.contains("tops3cret"));
    assert_eq!(taken.recv_timeout(std::time::Duration::from_secs(5)).unwrap(), "dev");
}

#[tokio::test]
async fn an_intercept_that_expires_is_told_once_and_can_be_asked_for_again() {
    let live = Live::start();
    let ports = vec![InterceptPort { port: "http".into(), udp: false, local_port: 8080 }];
    let active = InterceptState { ports, ..intercepted() };
    live.push(with(cluster("dev"), vec![active.clone()]));
    let stage = Stage::new(&live, &[]);
    stage.until("active", |record| record.shell().filter(|view| view.shape == Shape::Intercepting)).await;
    let cause = Some(Fault::new(Code::InterceptExpired, "its time was over").into());
    live.push(with(
        cluster("dev"),
        vec![InterceptState { phase: InterceptPhase::Ended.into(), cause, since: 5, ..active }],
    ));
    let notice = stage.until("told", |record| record.notices.first().cloned()).await;
    assert_eq!(notice.id.kind, NoticeKind::Expired);
    stage.until("attention", |record| record.shell().filter(|view| view.shape == Shape::Attention)).await;
    let again = notice.actions.last().unwrap().0.clone();
    stage.handle.answered(notice.id, again);
    let picker = stage.until("filled", |record| record.picker()).await;
    assert_eq!((picker.draft.workload.as_str(), picker.draft.ports[0].local.as_str()), ("web", "8080"));
    assert_eq!(stage.record(|record| (record.windows.clone(), record.notices.len())), (vec![Window::Show], 1));
    stage.handle.act(Act::Show { screen: Screen::Intercepts }).await.unwrap();
    stage.until("seen", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
}

#[tokio::test]
async fn a_lost_connection_is_told_and_taken_back() {
    let live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    let cause = Some(Fault::new(Code::LinkLost, "the manager closed the link").into());
    live.push(snapshot(vec![Connection { state: State::Reconnecting.into(), cause, ..cluster("dev") }]));
    stage
        .until("told", |record| record.notices.first().filter(|notice| notice.id.kind == NoticeKind::Lost).cloned())
        .await;
    live.push(snapshot(vec![cluster("dev")]));
    stage.until("back", |record| record.withdrawn.first().cloned()).await;
    let kinds = stage.record(|record| record.notices.iter().map(|notice| notice.id.kind).collect::<Vec<_>>());
    assert_eq!(kinds, [NoticeKind::Lost, NoticeKind::Back]);
}

#[tokio::test]
async fn what_does_not_work_though_it_is_connected_is_shown_and_told_once() {
    let live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.handle.act(Act::Show { screen: Screen::Clusters }).await.unwrap();
    let trouble = Fault::new(Code::SubnetConflict, "10.96.4.0/24 is routed to wg0").with_fix("End what routes it.");
    let connection = Connection { troubles: vec![trouble.clone().into()], ..cluster("dev") };
    live.push(snapshot(vec![connection.clone()]));
    let tray =
        stage.until("attention", |record| record.tray.clone().filter(|tray| tray.shape == Shape::Attention)).await;
    assert_eq!(tray.tooltip, format!("dev: {}", trouble.code.title()));
    let labels = labels(&tray.menu);
    assert!(labels.contains(&trouble.code.title().to_owned()), "{labels:?}");
    let row =
        stage.until("the row", |record| record.clusters()?.rows.into_iter().find(|row| row.troubles.len() == 1)).await;
    assert_eq!((row.state, row.problem), (ConnectionState::Connected, None));
    assert_eq!((&*row.troubles[0].detail, &*row.troubles[0].fix), (&*trouble.detail, &*trouble.fix));
    let notice = stage.until("told", |record| record.notices.first().cloned()).await;
    assert_eq!(notice.id.kind, NoticeKind::Trouble);
    assert!(notice.body.contains("routed to wg0") && notice.body.contains("End what routes it."), "{notice:?}");

    live.push(snapshot(vec![Connection { sent_bytes: 1, ..connection }]));
    let sent = |view: &Clusters| view.rows[0].sent.0 == 1;
    stage.until("traffic", |record| record.clusters().filter(sent)).await;
    live.push(snapshot(vec![cluster("dev")]));
    stage.until("well", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.until("taken back", |record| record.withdrawn.contains(&notice.id).then_some(())).await;
    assert_eq!(stage.record(|record| record.notices.len()), 1);
}

#[tokio::test]
async fn the_menu_leads_to_everything_and_ending_asks_first() {
    let live = Live::start();
    live.push(with(cluster("dev"), vec![intercepted()]));
    let stage = Stage::new(&live, &[MANAGER]);
    let tray = stage
        .until("intercepting", |record| record.tray.clone().filter(|tray| tray.shape == Shape::Intercepting))
        .await;
    assert_eq!(tray.tooltip, "1 intercept on dev");
    let menu = stage
        .until("all rows", |record| {
            record.tray.clone().map(|tray| tray.menu).filter(|menu| labels(menu).contains(&"Connect demo".into()))
        })
        .await;
    let labels = labels(&menu);
    for label in [
        "dev: connected",
        "Disconnect; ends 1 intercept",
        "web in shop, held by you",
        "Leave",
        "Quit; 1 intercept goes on",
        "Doctor",
    ] {
        assert!(labels.contains(&label.to_owned()), "{labels:?}");
    }

    stage.handle.pressed(TrayAct::Quit);
    let shell = stage.until("asked", |record| record.shell().filter(|view| view.quitting.is_some())).await;
    assert_eq!(shell.quitting.unwrap().intercepts, ["web over dev"]);
    assert!(!stage.record(|record| record.exited));
    stage.handle.act(Act::Quit { answer: Some(QuitAnswer::Leave) }).await.unwrap();
    stage.until("ended", |record| record.exited.then_some(())).await;
    assert!(matches!(&live.calls()[..], [Call::Leave(request)] if request.name == "web"));
}

fn labels(menu: &[Item]) -> Vec<String> {
    let label = |item: &Item| match item {
        Item::Words(label) => vec![label.clone()],
        Item::Press { label, .. } => vec![label.clone()],
        Item::Sub { label, items } => [vec![label.clone()], labels(items)].concat(),
        Item::Line => Vec::new(),
    };
    menu.iter().flat_map(label).collect()
}

#[tokio::test]
async fn closing_goes_to_the_tray_and_says_so_once() {
    let live = Live::start();
    let stage = Stage::new(&live, &[]);
    stage.until("answers", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    for _ in 0..2 {
        stage.handle.act(Act::Close).await.unwrap();
    }
    assert_eq!(stage.record(|record| (record.windows.clone(), record.notices.len())), (vec![Window::Close; 2], 1));
    stage.handle.tray_hosted(false);
    stage.until("no host", |record| record.shell().filter(|view| !view.tray_hosted)).await;
    stage.handle.act(Act::Close).await.unwrap();
    assert!(stage.record(|record| record.exited));
}

#[tokio::test]
async fn a_page_that_is_reloaded_gets_everything_again() {
    let live = Live::start();
    let stage = Stage::new(&live, &[]);
    stage.until("answers", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    stage.handle.detached();
    stage.record(|record| record.updates.clear());
    live.push(snapshot(vec![cluster("dev")]));
    stage.until("tray", |record| record.tray.clone().filter(|tray| tray.shape == Shape::On)).await;
    assert!(stage.record(|record| record.updates.is_empty()), "nobody is there to see it");
    stage.handle.attached();
    stage.until("again", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
}

#[tokio::test]
async fn two_thousand_workloads_and_contexts_are_shown_by_the_page() {
    let live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let mut namespaces = hawser_stub::catalogue();
    let like = namespaces[0].workloads[0].clone();
    let name = |number: usize| format!("\u{202e}web-{number}-{}", "x".repeat(200));
    namespaces[0].workloads = (0..2_000).map(|number| Workload { name: name(number), ..like.clone() }).collect();
    live.push_namespaces(namespaces);
    let mut kubeconfig = String::from("contexts:\n");
    for number in 0..250 {
        kubeconfig += &format!("- {{name: c{number}, context: {{cluster: c}}}}\n");
    }
    kubeconfig += "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n";
    let stage = Stage::new(&live, &[(".kube/config", &kubeconfig)]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let clusters = stage.until("contexts", |record| record.clusters().filter(|view| view.total == 251)).await;
    assert_eq!((clusters.rows.len(), clusters.rows[0].name.as_str()), (200, "dev"), "what is connected comes first");
    stage.handle.act(Act::Search { list: List::Contexts, text: "C249".into() }).await.unwrap();
    stage.until("found", |record| record.clusters().filter(|view| view.rows.len() == 1)).await;

    stage.handle.act(Act::Pick { connection: None, intercept: None }).await.unwrap();
    let picker = stage.until("workloads", |record| record.picker().filter(|view| view.workloads_total == 2_000)).await;
    assert_eq!(picker.workloads.len(), 200);
    stage.handle.act(Act::Search { list: List::Workloads, text: "web-1999".into() }).await.unwrap();
    let picker = stage.until("one", |record| record.picker().filter(|view| view.workloads_found == 1)).await;
    assert_eq!(picker.workloads[0].workload.name, name(1_999));
    let text = "x".repeat(257);
    assert_eq!(stage.handle.act(Act::Search { list: List::Contexts, text }).await.unwrap_err().code, "limit-reached");
}

#[tokio::test]
async fn files_that_change_are_read_again_and_added_ones_stay() {
    let live = Live::start();
    let stage = Stage::new(&live, &[("more/team", KUBECONFIG)]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    stage.until("none", |record| record.clusters().filter(|view| view.total == 0)).await;
    std::fs::create_dir(stage.home.path().join(".kube")).unwrap();
    std::fs::write(stage.home.path().join(".kube/config"), KUBECONFIG.replace("dev", "live")).unwrap();
    stage
        .until("found", |record| record.clusters().filter(|view| view.total == 1 && view.rows[0].name == "live"))
        .await;
    let file = stage.home.path().join("more/team");
    stage.record(|record| record.choice = Some(file.clone()));
    stage.handle.act(Act::Choose { what: Picked::Kubeconfig }).await.unwrap();
    stage.until("added", |record| record.clusters().filter(|view| view.total == 2)).await;
    let settings = std::fs::read_to_string(stage.home.path().join(".config/hawser/settings.toml")).unwrap();
    assert!(settings.contains("more/team"), "{settings}");
    stage.handle.act(Act::Set { setting: Setting::ForgetKubeconfig { index: 0 } }).await.unwrap();
    stage.until("forgotten", |record| record.clusters().filter(|view| view.total == 1)).await;
    stage.handle.act(Act::Set { setting: Setting::ForgetKubeconfig { index: 0 } }).await.unwrap_err();
}

#[tokio::test]
async fn checks_come_as_they_are_made_and_everything_is_gathered_without_secrets() {
    let live = Live::start();
    let stage = Stage::new(&live, &[(".kube/config", KUBECONFIG)]);
    stage.handle.act(Act::Show { screen: Screen::Doctor }).await.unwrap();
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    stage.handle.act(Act::Examine).await.unwrap();
    let doctor =
        stage.until("examined", |record| record.doctor().filter(|view| !view.running && !view.checks.is_empty()));
    let doctor = doctor.await;
    let titles: Vec<_> = doctor.checks.iter().map(|check| check.title.as_str()).collect();
    assert!(titles.contains(&"The helper answers you") && titles.contains(&"The stub is real"), "{titles:?}");
    let of_helper = doctor.checks.iter().find(|check| check.title == "The stub is real").unwrap();
    assert_eq!(of_helper.remedy, Some(Remedy::Show { screen: Screen::Subnets }), "by its code");
    stage.handle.act(Act::Fix { check: of_helper.id }).await.unwrap();
    stage.until("mended", |record| record.shell().filter(|view| view.screen == Screen::Subnets)).await;
    stage.handle.act(Act::Show { screen: Screen::Doctor }).await.unwrap();
    let failed = doctor.checks.iter().find(|check| !check.fix.is_empty()).unwrap();
    stage.handle.act(Act::Copy { what: Copyable::Fix { fix: failed.fix.clone() } }).await.unwrap();
    assert_eq!(stage.record(|record| record.copied.clone()), std::slice::from_ref(&failed.fix));
    let other = Copyable::Fix { fix: "rm -rf /".into() };
    stage.handle.act(Act::Copy { what: other }).await.unwrap_err();

    let file = stage.home.path().join("all.zip");
    stage.record(|record| record.choice = Some(file.clone()));
    stage.handle.act(Act::Export).await.unwrap();
    stage.until("gathered", |record| record.doctor().filter(|view| view.exported.as_deref() == file.to_str())).await;
    assert!(file.metadata().unwrap().len() > 100);
    stage.handle.act(Act::Export).await.unwrap();
    let refused = stage.until("refused", |record| record.doctor().and_then(|view| view.problem)).await;
    assert_eq!(refused.code, "file-unwritable", "nothing is overwritten");
}

#[tokio::test]
async fn what_would_end_intercepts_is_asked_first() {
    let live = Live::start();
    let (done, web) = (InterceptState { phase: InterceptPhase::Ended.into(), ..intercepted() }, intercepted());
    let done = InterceptState { name: "done".into(), ..done };
    live.push(with(cluster("dev"), vec![web.clone(), done]));
    let stage = Stage::new(&live, &[]);
    let tray = stage.until("it", |record| record.tray.clone().filter(|tray| tray.shape == Shape::Intercepting)).await;
    let pressed = |item: &Item| matches!(item, Item::Press { label, .. } if label == "Disconnect; ends 1 intercept");
    let is_said = |item: &Item| matches!(item, Item::Sub { items, .. } if items.iter().any(pressed));
    assert!(tray.menu.iter().any(is_said), "{:#?}", tray.menu);

    let disconnect = || Act::Disconnect { connection: "dev".into() };
    stage.handle.act(disconnect()).await.unwrap();
    let words = stage.until("asked", |record| record.shell()?.ending).await;
    assert_eq!(words.title, "Disconnecting dev ends 1 intercept");
    assert_eq!(words.intercepts, ["web over dev"]);
    assert_eq!(stage.record(|record| record.windows.clone()), [Window::Show]);
    stage.handle.act(Act::End { sure: false }).await.unwrap();
    stage.until("no more", |record| record.shell().filter(|view| view.ending.is_none())).await;

    // Who left the intercept meanwhile isn't asked any more.
    stage.handle.act(disconnect()).await.unwrap();
    stage.until("asked", |record| record.shell()?.ending).await;
    live.push(with(cluster("dev"), Vec::new()));
    stage.until("no more", |record| record.shell().filter(|view| view.ending.is_none())).await;
    live.push(with(cluster("dev"), vec![web]));
    stage.until("again", |record| record.shell().filter(|view| view.shape == Shape::Intercepting)).await;
    assert_eq!(stage.record(|record| record.shell()).unwrap().ending, None);
    assert!(live.calls().iter().all(|call| !matches!(call, Call::Disconnect(_))), "{:?}", live.calls());

    stage.handle.act(Act::StopAll).await.unwrap();
    stage.until("asked", |record| record.shell()?.ending).await;
    stage.handle.act(Act::End { sure: true }).await.unwrap();
    stage.until("off", |record| record.shell().filter(|view| view.shape == Shape::Off)).await;
}

#[tokio::test]
async fn a_helper_that_was_away_for_long_is_seen_at_once() {
    let mut live = Live::start();
    let stage = Stage::new(&live, &[]);
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    live.vanish();
    stage.until("away", |record| record.shell().filter(|view| view.stale)).await;
    // By then it is called seldom.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    live.come_back();
    let back = stage.until("back", |record| record.shell().filter(|view| !view.stale));
    tokio::time::timeout(std::time::Duration::from_secs(1), back).await.unwrap();
}
