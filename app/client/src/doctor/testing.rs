//! An API server that answers as a test says, and a kubeconfig that leads to it.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};

use super::findings::{Check, Findings};
use super::{Question, cluster, limits};
use crate::kubeconfig::testing::{kubeconfig, selection};
use crate::kubeconfig::{Arguments, Environment, Interaction, load};

/// What was asked.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// What is answered.
pub(crate) enum Reply {
    Json(u16, String),
    /// Nothing, and the connection stays.
    Never,
}

impl Reply {
    pub(crate) fn json(body: &str) -> Self {
        Self::Json(200, body.to_owned())
    }

    pub(crate) fn status(code: u16, message: &str) -> Self {
        let body = serde_json::json!({ "kind": "Status", "message": message, "code": code });
        Self::Json(code, body.to_string())
    }
}

/// A server on which the developer `dev` may do all that is needed, with a manager that answers at once.
pub(crate) fn healthy(request: &Request) -> Reply {
    match (request.method.as_str(), request.path.as_str()) {
        (_, "/version") => Reply::json(r#"{"major": "1", "minor": "33", "gitVersion": "v1.33.1"}"#),
        (_, "/apis/authentication.k8s.io/v1/selfsubjectreviews") => {
            Reply::json(r#"{"status": {"userInfo": {"username": "dev", "groups": ["developers"]}}}"#)
        }
        (_, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
            Reply::json(r#"{"status": {"allowed": true}}"#)
        }
        (_, "/apis/hawser.dev/v1alpha1") => Reply::json("{}"),
        ("POST", "/apis/hawser.dev/v1alpha1/namespaces/hawser/sessions") => Reply::json(&request.body),
        ("DELETE", _) => Reply::json("{}"),
        ("GET", path) if path.contains("/sessions/doctor-") => Reply::json(SESSION),
        _ => Reply::status(404, "the server could not find the requested resource"),
    }
}

const SESSION: &str = r#"{
    "apiVersion": "hawser.dev/v1alpha1", "kind": "Session", "metadata": {"name": "doctor-1"},
    "spec": {"user": "dev", "key": "", "namespace": "default", "client": {"host": "", "version": ""}},
    "status": {"phase": "Ready", "replicas": [
        {"pod": "hawser-manager-a", "address": "10.0.0.1", "port": 7300, "key": "", "software": "hawser 0.1.0"}
    ]}
}"#;

/// A kubeconfig in a folder of its own, and what was asked of the server that it leads to.
pub(crate) struct Rig {
    _directory: tempfile::TempDir,
    file: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    /// A server that answers so. It ends with the test's runtime.
    pub(crate) fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = format!("{{server: 'http://{}'}}", listener.local_addr().unwrap());
        let rig = Self::without_server(Some(&kubeconfig(&server, "{}")));
        let (asked, answer) = (rig.asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), asked.clone()));
            }
        });
        rig
    }

    /// A kubeconfig of this text, or none.
    pub(crate) fn without_server(text: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        Self { _directory: directory, file, asked: Arc::default() }
    }

    pub(crate) async fn examine(&self) -> Vec<Check> {
        self.examine_context(None).await
    }

    pub(crate) async fn examine_context(&self, context: Option<&str>) -> Vec<Check> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let environment = Environment { variables: [("PATH".into(), path)].into(), directory: "/".into() };
        let question = Question {
            socket: "/nowhere".as_ref(),
            version: "0.1.0",
            arguments: Arguments {
                kubeconfig: Some(self.file.clone()),
                context: context.map(str::to_owned),
                ..Arguments::default()
            },
            environment: &environment,
            manager_namespace: "hawser",
        };
        let mut findings = Findings::default();
        cluster::examine(&question, &mut findings).await;
        findings.into_checks()
    }

    /// The server, to be asked directly.
    pub(crate) async fn api(&self) -> hawser_kube::Api {
        let access = load(&selection(&self.file), &Environment::default()).unwrap();
        access.api(&Environment::default(), Interaction::Unattended, limits::STEP).await.unwrap()
    }

    /// Whether a path with this in it was asked for.
    pub(crate) fn was_asked(&self, part: &str) -> bool {
        self.asked.lock().iter().any(|request| request.contains(part))
    }
}

pub(crate) fn titles(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| check.title.as_str()).collect()
}

async fn serve<A: Fn(&Request) -> Reply>(stream: TcpStream, answer: Arc<A>, asked: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufStream::new(stream);
    while let Some(request) = read(&mut stream).await {
        asked.lock().push(format!("{} {}", request.method, request.path));
        let Reply::Json(code, body) = answer(&request) else { return std::future::pending().await };
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now());
        let head = format!("HTTP/1.1 {code} X\r\ndate: {}\r\ncontent-length: {}\r\n\r\n", date.unwrap(), body.len());
        let sent = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
            stream.flush().await
        };
        if sent.await.is_err() {
            return;
        }
    }
}

/// The next request; `None` when the client goes.
async fn read(stream: &mut BufStream<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, body: String::from_utf8(body).ok()? })
}
