//! Logins that end, and those that only work at a terminal.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recorder;

use std::env::var_os;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use hawser_client::companion;
use hawser_controller::view::{ConnectionState, NoticeKind, Possible, SettingsView};
use hawser_controller::{Act, Copyable, Item, Screen, Shape, Update};
use hawser_ipc::proto::{Connection, State};
use hawser_stub::{Call, Live, cluster, snapshot};
use recorder::alone::alone;
use recorder::{Record, Stage};

const KUBECONFIG: &str = "
contexts: [{name: dev, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {exec: {command: tool, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}}}]
";

/// The connection to that context.
fn dev(state: State, login_expires: i64) -> Connection {
    let target = "127.0.0.1:1".to_owned();
    Connection { state: state.into(), context: "dev".to_owned(), target, login_expires, ..cluster("dev") }
}

#[tokio::test]
async fn what_only_works_at_a_terminal_has_a_command_to_copy() {
    let live = Live::start();
    live.push(snapshot(vec![dev(State::NeedsLogin, 0)]));
    let stage = Stage::new(&live, &[(".kube/config", KUBECONFIG)]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let waits = |record: &Record| {
        record
            .clusters()?
            .rows
            .into_iter()
            .find(|row| row.state == ConnectionState::NeedsLogin && !row.source.is_empty())
    };
    let row = stage.until("the row", waits).await;
    assert_eq!(row.problem.and_then(|problem| problem.remedy), None);
    assert!(matches!(row.acts.log_in, Possible::No { .. }));
    let file = stage.home.path().join(".kube/config");
    let command = format!("hawser login --kubeconfig {} --context dev --name dev", file.display());
    assert_eq!(row.login_command.as_deref(), Some(&*command));
    stage.handle.act(Act::Copy { what: Copyable::Login { context: row.id } }).await.unwrap();
    assert_eq!(stage.record(|record| record.copied.clone()), [command]);
    let is_offered = |item: &Item| {
        let Item::Sub { items, .. } = item else { return false };
        items.iter().any(|item| matches!(item, Item::Press { label, .. } if label == "Copy the command that logs in"))
    };
    stage.until("the menu", |record| record.tray.as_ref()?.menu.iter().any(is_offered).then_some(())).await;
}

#[tokio::test]
async fn a_login_that_is_about_to_end_is_told_once_and_taken_back_after_another() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let (minute, hour) = (now + 60_000, now + 3_600_000);
    let live = Live::start();
    live.push(snapshot(vec![dev(State::Connected, hour)]));
    let stage = Stage::new(&live, &[]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let ends = |at: i64| {
        move |record: &Record| {
            record.clusters()?.rows.into_iter().find(|row| row.login_expires.is_some_and(|end| end.0 == at))
        }
    };
    stage.until("an hour", ends(hour)).await;
    stage.until("on", |record| record.tray.clone().filter(|tray| tray.shape == Shape::On)).await;
    assert_eq!(stage.record(|record| record.notices.len()), 0);

    live.push(snapshot(vec![dev(State::Connected, minute)]));
    let notice = stage.until("told", |record| record.notices.first().cloned()).await;
    assert_eq!((notice.id.kind, &*notice.id.about), (NoticeKind::LoginSoon, "dev"));
    assert!(notice.actions.iter().any(|(_, words)| words == "Log in"));
    let tray =
        stage.until("attention", |record| record.tray.clone().filter(|tray| tray.shape == Shape::Attention)).await;
    assert_eq!(tray.tooltip, "dev: your login ends soon");

    live.push(snapshot(vec![dev(State::Connected, hour)]));
    stage
        .until("taken back", |record| record.withdrawn.iter().any(|id| id.kind == NoticeKind::LoginSoon).then_some(()))
        .await;
    assert_eq!(stage.record(|record| record.notices.len()), 1);
}

/// A plugin that waits for its user.
const WAITING: &str = r#"
contexts: [{name: dev, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users:
- name: u
  user:
    exec:
      command: /bin/sh
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: IfAvailable
      args:
      - -c
      - |
        while [ ! -e "$HOME/browsed" ]; do sleep 0.05; done
        echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "tops3cret"}}'
"#;

fn settings(record: &Record) -> Option<SettingsView> {
    record
        .updates
        .values()
        .find_map(|update| if let Update::Settings(view) = update { Some(view.clone()) } else { None })
}

#[tokio::test]
async fn a_login_by_the_window_is_waited_for_kept_shown_and_forgotten() {
    let Some(folder) = var_os("HAWSER_TEST_ALONE") else {
        return alone("a_login_by_the_window_is_waited_for_kept_shown_and_forgotten");
    };
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(companion::run()).unwrap();
    });
    let live = Live::start();
    live.push(snapshot(vec![dev(State::NeedsLogin, 0)]));
    let stage = Stage::new(&live, &[(".kube/config", WAITING)]);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let can = |record: &Record| record.clusters()?.rows.into_iter().find(|row| row.acts.log_in == Possible::Yes);
    stage.until("it can be logged in to", can).await;
    while !companion::is_there().await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let log_in = || Act::LogIn { connection: "dev".to_owned() };
    let (handle, act) = (stage.handle.clone(), log_in());
    let logging_in = tokio::spawn(async move { handle.act(act).await });
    stage.until("it is waited for", |record| can(record).is_none().then_some(())).await;
    assert_eq!(stage.handle.act(log_in()).await.unwrap_err().code, "bad-argument", "once is enough");
    std::fs::write(stage.home.path().join("browsed"), "").unwrap();
    logging_in.await.unwrap().unwrap();
    assert!(matches!(&live.calls()[..], [Call::LoggedIn(request)] if request.name == "dev"));

    let file = PathBuf::from(folder).join("state/hawser/secrets");
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("tops3cret")) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stage.handle.act(Act::Show { screen: Screen::Settings }).await.unwrap();
    let keyring = |record: &Record| settings(record)?.keyring;
    let kept = stage.until("kept", |record| keyring(record).filter(|keyring| keyring.connections == ["dev"])).await;
    assert_eq!((kept.problem.unwrap().code.as_str(), &*kept.file), ("keyring-absent", file.to_str().unwrap()));
    let note = stage.until("the note", |record| record.shell()?.keyring).await;
    assert!(note.detail.contains(file.to_str().unwrap()), "{note:?}");
    stage.handle.act(Act::ForgetLogin { connection: "dev".to_owned() }).await.unwrap();
    stage.until("forgotten", |record| keyring(record).filter(|keyring| keyring.connections.is_empty())).await;
    stage.until("no note", |record| record.shell().filter(|shell| shell.keyring.is_none())).await;
    assert!(!file.exists());
}
