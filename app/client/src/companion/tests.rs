//! The companion's socket, with real plugins and a real keyring.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{self, CredentialRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::Handover;
use super::answer;
use super::desk::Desk;
use super::log::Log;
use super::logins::Logins;
use super::protocol::{Answer, Question, ask, ask_hearing};
use crate::kubeconfig::testing::{kubeconfig, script, selection};
use crate::kubeconfig::{Environment, Selection};
use crate::secrets::testing::{Desk as Home, login, until};

const LIMIT: Duration = Duration::from_secs(20);
const TOKEN: &str = r#"{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
    "status": {"token": "of-plugin", "expirationTimestamp": "2099-01-01T00:00:00Z"}}"#;

/// A companion's socket in a home with a keyring, and a kubeconfig whose plugin is a script.
struct Bench {
    home: Home,
    desk: Arc<Desk>,
    socket: PathBuf,
    selection: Selection,
    environment: Environment,
}

impl Bench {
    async fn new(mode: &str, plugin: &str) -> Self {
        let home = Home::with_keyring(b"\n").await;
        let folder = home.home.path();
        let (program, config) = (folder.join("plugin"), folder.join("config"));
        script(&program, plugin);
        let exec = format!(
            "{{exec: {{command: '{}', apiVersion: client.authentication.k8s.io/v1, interactiveMode: {mode}}}}}",
            program.display()
        );
        fs::write(&config, kubeconfig("{server: 'https://10.0.0.1:6443'}", &exec)).unwrap();
        let variables = [("PATH".into(), "/usr/bin:/bin".into()), ("FOLDER".into(), folder.into())].into();
        let environment = Environment { variables, directory: folder.to_owned() };
        let socket = folder.join("companion.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let desk = Arc::new(Desk::new(Environment::default(), Logins::new(home.secrets()), Log::open(&socket)));
        let serving = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = Arc::clone(&serving);
                tokio::spawn(async move { desk.serve(stream).await });
            }
        });
        let bench = Self { selection: selection(&config), home, desk, socket, environment };
        bench.ask(Question::HandOver(bench.handover())).await.unwrap();
        bench
    }

    fn handover(&self) -> Handover {
        Handover { connection: "dev".to_owned(), environment: self.environment.clone(), login: None }
    }

    async fn ask(&self, question: Question) -> Result<(), Fault> {
        self.ask_hearing(question, async |text| panic!("nobody hears {text}")).await
    }

    async fn ask_hearing(&self, question: Question, hear: impl AsyncFn(String)) -> Result<(), Fault> {
        match ask_hearing(&self.socket, &question, LIMIT, hear).await.unwrap() {
            Answer::Done => Ok(()),
            Answer::Failed(failure) => Err(failure.into()),
            Answer::Kept { .. } | Answer::Says(_) => panic!("not asked"),
        }
    }

    fn log_in(&self, hears: bool) -> Question {
        Question::LogIn { connection: "dev".to_owned(), selection: self.selection.clone(), hears }
    }

    async fn kept(&self) -> Vec<String> {
        let Answer::Kept { connections, problem: None, .. } = ask(&self.socket, &Question::Kept, LIMIT).await.unwrap()
        else {
            panic!("the keyring is open")
        };
        connections
    }

    async fn credential(&self, logins: &Logins) -> Result<proto::Access, Fault> {
        let profile = serde_json::to_string(&self.selection).unwrap();
        let request = CredentialRequest { connection: "dev".to_owned(), profile };
        answer::credential(&request, &self.environment, logins).await
    }

    async fn says_token(&self, logins: &Logins, token: &str) {
        let access = self.credential(logins).await.unwrap();
        assert_eq!(access.credential, Some(proto::access::Credential::Token(token.to_owned())));
        assert!(access.attended);
    }
}

#[tokio::test]
async fn a_login_from_the_window_runs_the_plugin_and_is_kept_for_the_next_companion() {
    // It needs its user once: afterwards it fails.
    let plugin = format!(
        "[ -e $FOLDER/used ] && {{ echo 'log in again' >&2; exit 1; }}; touch $FOLDER/used; cat <<'E'\n{TOKEN}\nE"
    );
    let bench = Bench::new("IfAvailable", &plugin).await;
    bench.ask(bench.log_in(false)).await.unwrap();
    bench.says_token(&bench.desk.logins, "of-plugin").await;
    until("kept", async || bench.kept().await == ["dev"]).await;
    // A companion that is started later has it of the keyring.
    bench.says_token(&Logins::new(bench.home.secrets()), "of-plugin").await;

    let fault = bench.ask(bench.log_in(false)).await.unwrap_err();
    assert_eq!(fault.code, Code::PluginFailed);
    assert!(fault.detail.contains("log in again"), "{fault}");
    bench.ask(Question::Forget { connections: vec!["dev".to_owned()] }).await.unwrap();
    assert_eq!(bench.kept().await, Vec::<String>::new());
    assert_eq!(bench.credential(&bench.desk.logins).await.unwrap_err().code, Code::PluginFailed);
    let log = fs::read_to_string(bench.socket.with_extension("log")).unwrap();
    assert!(!log.contains("of-plugin"), "{log}");
}

#[tokio::test]
async fn what_the_plugin_says_is_heard_while_it_waits() {
    let plugin = format!(
        "echo 'enter the code AB-12' >&2; while [ ! -e $FOLDER/entered ]; do sleep 0.02; done; cat <<'E'\n{TOKEN}\nE"
    );
    let bench = Bench::new("IfAvailable", &plugin).await;
    let entered = bench.home.home.path().join("entered");
    let enter = async |text| {
        assert_eq!(text, "enter the code AB-12");
        fs::write(&entered, "").unwrap();
    };
    bench.ask_hearing(bench.log_in(true), enter).await.unwrap();
    until("kept", async || bench.kept().await == ["dev"]).await;
    let log = fs::read_to_string(bench.socket.with_extension("log")).unwrap();
    assert!(!log.contains("AB-12"), "{log}");
}

#[tokio::test]
async fn what_only_works_at_a_terminal_says_so_and_takes_what_was_handed_over() {
    let bench = Bench::new("Always", "exit 1").await;
    assert_eq!(bench.ask(bench.log_in(false)).await.unwrap_err().code, Code::LoginRequired);
    let of_another = crate::secrets::Login { server: "10.0.0.2:6443".to_owned(), ..login("stolen", None) };
    bench.ask(Question::HandOver(Handover { login: Some(of_another), ..bench.handover() })).await.unwrap();
    assert_eq!(bench.credential(&bench.desk.logins).await.unwrap_err().code, Code::LoginRequired);
    let handover = Handover { login: Some(login("typed-in", None)), ..bench.handover() };
    bench.ask(Question::HandOver(handover)).await.unwrap();
    bench.says_token(&bench.desk.logins, "typed-in").await;
}

#[tokio::test]
async fn a_login_that_nobody_waits_for_any_more_is_ended() {
    let bench = Bench::new("Never", "echo $$ > $FOLDER/pid; exec sleep 60").await;
    let pid = bench.home.home.path().join("pid");
    let asking = bench.ask(bench.log_in(false));
    tokio::select! {
        _ = asking => panic!("it hangs"),
        () = until("it runs", async || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))) => {}
    }
    let stat = format!("/proc/{}/stat", fs::read_to_string(&pid).unwrap().trim());
    until("it is gone", async || !fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "))).await;
}

#[tokio::test]
async fn what_makes_no_sense_gets_no_answer() {
    let bench = Bench::new("Never", "exit 1").await;
    for message in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x02{}", b"\0\0\0\x01"] {
        let mut stream = UnixStream::connect(&bench.socket).await.unwrap();
        stream.write_all(message).await.unwrap();
        stream.shutdown().await.unwrap();
        let begun = Instant::now();
        assert!(stream.read_u8().await.is_err(), "{message:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{message:?}");
    }
    bench.ask(Question::HandOver(bench.handover())).await.unwrap();
}

#[tokio::test]
async fn where_the_cluster_is_by_now_is_said_without_its_plugin() {
    let bench = Bench::new("Never", "touch \"$FOLDER/ran\"; exit 1").await;
    let profile = serde_json::to_string(&bench.selection).unwrap();
    let request = CredentialRequest { connection: "dev".to_owned(), profile };
    let server = || answer::server(&request, &bench.environment);
    assert_eq!(server().unwrap().server, "https://10.0.0.1:6443/");
    assert_eq!(server(), server());
    let config = bench.home.home.path().join("config");
    let edited = fs::read_to_string(&config).unwrap().replace("10.0.0.1", "10.0.0.2");
    fs::write(&config, edited).unwrap();
    assert_eq!(server().unwrap().server, "https://10.0.0.2:6443/");
    assert!(!bench.home.home.path().join("ran").exists());
    fs::remove_file(&config).unwrap();
    assert!(server().is_err());
}
