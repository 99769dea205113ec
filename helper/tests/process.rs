//! The helper as a process, in a network namespace of its own, without any manager.
#![allow(clippy::unwrap_used, reason = "the whole file is tests")]

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::connect_request::Target;
use hawser_ipc::proto::{
    ConnectRequest, Connection, DisconnectRequest, DoctorRequest, FlowsRequest, KeyRequest, LevelReply, LevelRequest,
    LogsRequest, Outcome, Snapshot, Standalone, State, WatchRequest,
};
use hawser_ipc::{Client, from_status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(20);
const RESOLV_CONF: &str = "nameserver 192.0.2.53\n";

struct Helper {
    dir: tempfile::TempDir,
    process: Child,
}

impl Helper {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("resolv.conf"), RESOLV_CONF).unwrap();
        Self { process: spawn(&dir, "state", &[]), dir }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("helper.sock")
    }

    /// Waits until it answers.
    async fn client(&mut self) -> Client {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match hawser_ipc::connect(&self.socket()).await {
                Ok(client) => return client,
                Err(fault) => assert!(Instant::now() < deadline, "{fault}"),
            }
            assert_eq!(self.process.try_wait().unwrap(), None, "the helper ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
        self.process.wait().unwrap()
    }

    /// What a second helper at the same socket says.
    fn second(&self, state: &str) -> String {
        let output = spawn(&self.dir, state, &[]).wait_with_output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `unshare` becomes the helper, so that its process id is the helper's.
fn spawn(dir: &tempfile::TempDir, state: &str, more: &[&str]) -> Child {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--", env!("CARGO_BIN_EXE_hawser-helper")])
        .arg("--socket")
        .arg(dir.path().join("helper.sock"))
        .arg("--state-dir")
        .arg(dir.path().join(state))
        .arg("--resolv-conf")
        .arg(dir.path().join("resolv.conf"))
        .args(more)
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare (package util-linux) is needed for this test")
}

async fn snapshot(client: &mut Client) -> Snapshot {
    let mut stream =
        client.watch(WatchRequest { follow: false, ..WatchRequest::default() }).await.unwrap().into_inner();
    let snapshot = stream.message().await.unwrap().unwrap();
    assert_eq!(stream.message().await.unwrap(), None);
    snapshot
}

/// Follows the snapshots until one has what is waited for.
async fn wait_for(client: &mut Client, condition: impl Fn(&Connection) -> bool) -> Connection {
    let mut stream = client.watch(WatchRequest { follow: true, ..WatchRequest::default() }).await.unwrap().into_inner();
    let found = async {
        loop {
            let snapshot = stream.message().await.unwrap().unwrap();
            if let Some(found) = snapshot.connections.into_iter().find(&condition) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("the connection never got there")
}

fn request(name: &str, address: &str) -> ConnectRequest {
    let pin = format!("sha256:{}", "0".repeat(64));
    ConnectRequest {
        name: name.to_owned(),
        target: Some(Target::Standalone(Standalone { address: address.to_owned(), pin, ..Standalone::default() })),
    }
}

async fn connect(client: &mut Client, request: ConnectRequest) -> Result<Connection, Fault> {
    let failed = |status| from_status(&status);
    let mut stream = client.connect(request).await.map_err(failed)?.into_inner();
    let mut last = None;
    while let Some(connection) = stream.message().await.map_err(failed)? {
        last = Some(connection);
    }
    Ok(last.unwrap())
}

#[tokio::test]
async fn answers_and_stops() {
    let mut helper = Helper::start();
    let mut client = helper.client().await;
    assert!(snapshot(&mut client).await.connections.is_empty());

    let key = client.key(KeyRequest {}).await.unwrap().into_inner().pin;
    assert!(key.starts_with("sha256:") && key.len() == 71, "{key}");
    let mut flows = client.flows(FlowsRequest { follow: false }).await.unwrap().into_inner();
    assert!(flows.message().await.unwrap().unwrap().flows.is_empty());
    let checks = client.doctor(DoctorRequest {}).await.unwrap().into_inner().checks;
    assert!(checks.len() >= 3 && checks.iter().all(|check| check.outcome() == Outcome::Pass), "{checks:?}");
    let log = client.logs(LogsRequest {}).await.unwrap().into_inner();
    assert!(log.text.contains("ready") && !log.text.contains('\u{1b}') && log.forgotten == 0, "{log:?}");
    let status = client.disconnect(DisconnectRequest { name: "none".to_owned() }).await.err().unwrap();
    assert_eq!(from_status(&status).code, Code::NotConnected);

    let refused = helper.second("state");
    assert!(refused.contains("listen-failed") && refused.contains(&helper.process.id().to_string()), "{refused}");
    let refused = helper.second("other");
    assert!(refused.contains("listen-failed") && refused.contains("another helper"), "{refused}");

    let mut watch = client.watch(WatchRequest { follow: true, ..WatchRequest::default() }).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    assert!(helper.end(Signal::SIGTERM).success());
    assert!(!helper.socket().exists());

    helper.process = spawn(&helper.dir, "state", &[]);
    let mut client = helper.client().await;
    assert_eq!(client.key(KeyRequest {}).await.unwrap().into_inner().pin, key);
}

#[tokio::test]
async fn failed_connect_says_why_and_leaves_nothing() {
    let mut helper = Helper::start();
    let mut client = helper.client().await;
    for (bad, expected) in [
        (ConnectRequest { name: "a".to_owned(), target: None }, Code::BadArgument),
        (request("a b", "192.0.2.1:7300"), Code::BadArgument),
        (request("a", "192.0.2.1"), Code::BadArgument),
        // Nothing is routed in this namespace, not even to itself.
        (request("a", "192.0.2.1:7300"), Code::ManagerUnreachable),
    ] {
        assert_eq!(connect(&mut client, bad).await.err().unwrap().code, expected);
    }
    assert!(snapshot(&mut client).await.connections.is_empty());
    assert_eq!(std::fs::read_to_string(helper.dir.path().join("resolv.conf")).unwrap(), RESOLV_CONF);
    assert!(!std::fs::read_to_string(helper.dir.path().join("state/desired.json")).unwrap().contains("192.0.2.1"));
}

#[tokio::test]
async fn its_log_says_more_once_it_is_asked_to() {
    let mut helper = Helper::start();
    let mut client = helper.client().await;
    let level = async |word: &str| {
        let mut client = hawser_ipc::connect(&helper.socket()).await.unwrap();
        let reply = client.level(LevelRequest { level: word.to_owned() }).await;
        reply.map(|reply| reply.into_inner()).map_err(|status| from_status(&status))
    };
    assert_eq!(level("").await.unwrap(), LevelReply { level: "normal".to_owned(), until: 0 });
    for word in ["trace", "hawser=trace"] {
        let fault = level(word).await.unwrap_err();
        assert_eq!((fault.code, fault.fix.is_empty()), (Code::BadArgument, false));
    }
    for (word, is_detailed) in [("normal", false), ("debug", true), ("normal", false)] {
        let before = client.logs(LogsRequest {}).await.unwrap().into_inner().text;
        let set = level(word).await.unwrap();
        assert_eq!((set.level.as_str(), set.until != 0), (word, is_detailed));
        assert_eq!(level("").await.unwrap(), set);
        connect(&mut client, request("a", "192.0.2.1:7300")).await.unwrap_err();
        let after = client.logs(LogsRequest {}).await.unwrap().into_inner().text;
        let written = after.strip_prefix(&before).unwrap();
        assert_eq!(written.contains("DEBUG"), is_detailed, "{written}");
    }
}

#[tokio::test]
async fn killed_helper_restores_its_connection() {
    let mut helper = Helper::start();
    helper.client().await;
    helper.end(Signal::SIGKILL);
    let pin = format!("sha256:{}", "0".repeat(64));
    let wish = serde_json::json!({ "connections": [{
        "id": { "owner": 0, "name": "shop" },
        "target": { "standalone": { "address": "192.0.2.1:7300", "pin": pin } },
        "index": 4,
    }]});
    std::fs::write(helper.dir.path().join("state/desired.json"), wish.to_string()).unwrap();

    for _ in 0..2 {
        helper.process = spawn(&helper.dir, "state", &[]);
        let mut client = helper.client().await;
        let connection = wait_for(&mut client, |connection| connection.state() == State::Reconnecting).await;
        assert_eq!((connection.name.as_str(), connection.device.as_str()), ("shop", "hawser4"));
        assert_eq!(connection.addresses, ["198.18.4.1", "fd68:6177:7365:4::1"]);
        assert_eq!(connection.cause.unwrap().code, "manager-unreachable");
        helper.end(Signal::SIGKILL);
    }

    helper.process = spawn(&helper.dir, "state", &[]);
    let mut client = helper.client().await;
    client.disconnect(DisconnectRequest { name: String::new() }).await.unwrap();
    assert!(snapshot(&mut client).await.connections.is_empty());
}

#[test]
fn cleanup_restores_the_resolver() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("resolv.conf");
    std::fs::write(&file, RESOLV_CONF).unwrap();
    assert!(spawn(&dir, "state", &["cleanup"]).wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), RESOLV_CONF);

    let changed = hawser_dns::backend::resolv_conf::ResolvConf::new(&file);
    let settings = hawser_dns::backend::resolv_conf::Settings {
        servers: vec!["198.18.0.53".parse().unwrap()],
        search: Vec::new(),
    };
    let backup = changed.plan(&settings, None).unwrap().backup;
    let entry = serde_json::json!({ "resolv-conf": backup });
    std::fs::write(dir.path().join("state/journal/000000.json"), entry.to_string()).unwrap();
    backup.apply().unwrap();
    assert!(spawn(&dir, "state", &["cleanup"]).wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), RESOLV_CONF);
}
