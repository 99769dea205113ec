//! A helper that answers each call with the same script.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::connect_request::Target;
use hawser_ipc::proto::helper_server::Helper;
use hawser_ipc::proto::*;
use hawser_ipc::{serve, to_status};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::samples::{PIN, catalogue, checks, cluster, environment, granted, intercepted, level, question, standalone};

/// The running helper; it ends with this.
pub struct Stub {
    directory: tempfile::TempDir,
    socket: PathBuf,
    leaves: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Stub {
    /// One whose streams end.
    pub fn start() -> Self {
        Self::with(Ending::Yes, standalone())
    }

    /// One whose watch goes on changing for ever.
    pub fn start_endless() -> Self {
        Self::with(Ending::Never, standalone())
    }

    /// One whose connection is to a cluster, with an intercept.
    pub fn in_cluster(ending: Ending) -> Self {
        let connected = Connection { context: "dev".into(), intercepts: vec![intercepted()], ..cluster("shop") };
        Self::with(ending, connected)
    }

    fn with(ending: Ending, connected: Connection) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("helper.sock");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let leaves = Arc::<AtomicUsize>::default();
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        let part = Part { ending, connected, leaves: leaves.clone(), held };
        let listener = runtime.block_on(async { UnixListener::bind(&socket).unwrap() });
        runtime.spawn(async move { serve(listener, part, |_| Ok(()), std::future::pending()).await });
        Self { directory, socket, leaves, _runtime: runtime }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How often an intercept was left.
    pub fn leaves(&self) -> usize {
        self.leaves.load(Ordering::SeqCst)
    }

    /// A folder that ends with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// How its watch ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the connection, as that of a helper which ends.
    Yes,
    /// With the intercept.
    Left,
    /// It goes on for ever.
    Never,
    /// The same, and no proof is ever done.
    Stuck,
}

struct Part {
    ending: Ending,
    connected: Connection,
    leaves: Arc<AtomicUsize>,
    /// Stands for the socket of a flow, so that this process is the one behind it.
    held: UdpSocket,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn answers<T: Send + 'static>(messages: Vec<T>) -> Result<Response<Answers<T>>, Status> {
    Ok(Response::new(Box::pin(tokio_stream::iter(messages.into_iter().map(Ok)))))
}

#[tonic::async_trait]
impl Helper for Part {
    type ConnectStream = Answers<Connection>;
    type WatchStream = Answers<Snapshot>;
    type FlowsStream = Answers<FlowList>;
    type QueriesStream = Answers<QueryList>;
    type AccompanyStream = Answers<CompanionRequest>;
    type BrowseStream = Answers<Catalogue>;
    type InterceptStream = Answers<InterceptState>;
    type FilesStream = Answers<FilesReply>;

    async fn files(&self, _: Request<Streaming<FilesRequest>>) -> Result<Response<Self::FilesStream>, Status> {
        Err(to_status(&Fault::new(Code::PodAbsent, "no pod of web has told of itself yet")))
    }

    async fn intercept(&self, request: Request<InterceptRequest>) -> Result<Response<Self::InterceptStream>, Status> {
        let asked = request.into_inner();
        if asked.ports.iter().any(|port| port.local_port == 9) {
            let taken = Fault::new(Code::LocalPortTaken, "the intercept api delivers local port 9 elsewhere");
            return Err(to_status(&taken));
        }
        let state = granted(asked);
        let preparing = InterceptState {
            phase: InterceptPhase::Preparing.into(),
            step: "bringing an agent into the workload's pods".into(),
            pods: Vec::new(),
            ..state.clone()
        };
        answers(vec![preparing, state])
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Result<Response<LeaveReply>, Status> {
        self.leaves.fetch_add(1, Ordering::SeqCst);
        match request.into_inner().name.as_str() {
            "absent" => Err(to_status(&Fault::new(Code::InterceptUnknown, "no intercept is called absent"))),
            _ => Ok(Response::new(LeaveReply { names: vec!["web".into()] })),
        }
    }

    async fn extend_intercept(&self, request: Request<ExtendRequest>) -> Result<Response<InterceptState>, Status> {
        Ok(Response::new(InterceptState { until: request.into_inner().until, ..intercepted() }))
    }

    async fn environment(&self, _: Request<EnvironmentRequest>) -> Result<Response<EnvironmentReply>, Status> {
        Ok(Response::new(environment()))
    }

    async fn preview(&self, _: Request<InterceptRequest>) -> Result<Response<PreviewReply>, Status> {
        let notes = vec!["Helm release web manages it".into()];
        Ok(Response::new(PreviewReply { will_restart: vec!["web-0".into()], notes }))
    }

    async fn prove(&self, _: Request<ProveRequest>) -> Result<Response<ProveReply>, Status> {
        if self.ending == Ending::Stuck {
            std::future::pending::<()>().await;
        }
        let trial = Trial { pod: "web-0".into(), address: "10.1.0.4:7400".into(), port: 8080, ..Trial::default() };
        let cause = Fault::new(Code::ReplicaUnreached, "web-1 does not answer").with_fix("Look.");
        let other = Trial { pod: "web-1".into(), cause: Some(cause.into()), ..trial.clone() };
        Ok(Response::new(ProveReply { trials: vec![trial, other] }))
    }

    async fn browse(&self, _: Request<BrowseRequest>) -> Result<Response<Self::BrowseStream>, Status> {
        answers(vec![Catalogue { whole: true, namespaces: catalogue(), removed: Vec::new() }])
    }

    async fn accompany(
        &self,
        _: Request<Streaming<CompanionAnswer>>,
    ) -> Result<Response<Self::AccompanyStream>, Status> {
        answers(Vec::new())
    }

    async fn logged_in(&self, _: Request<LoggedInRequest>) -> Result<Response<LoggedInReply>, Status> {
        Ok(Response::new(LoggedInReply {}))
    }

    async fn connect(&self, request: Request<ConnectRequest>) -> Result<Response<Self::ConnectStream>, Status> {
        let request = request.into_inner();
        let Some(Target::Standalone(Standalone { address: target, .. })) = request.target else {
            return Err(to_status(&Fault::new(Code::BadArgument, "only standalone managers are known here")));
        };
        let connecting = |step: String| Connection {
            name: request.name.clone(),
            state: State::Connecting.into(),
            step,
            ..Connection::default()
        };
        let mut steps = vec![connecting(format!("dialling {target}")), connecting("setting routes".into())];
        if request.name == "wrong-key" {
            let cause = Some(Fault::new(Code::PinMismatch, "the manager shows sha256:ff").into());
            steps.push(Connection { state: State::Failed.into(), cause, ..connecting(String::new()) });
        } else {
            steps.push(Connection { name: request.name.clone(), ..self.connected.clone() });
        }
        answers(steps)
    }

    async fn disconnect(&self, request: Request<DisconnectRequest>) -> Result<Response<DisconnectReply>, Status> {
        match request.into_inner().name.as_str() {
            "absent" => Err(to_status(&Fault::new(Code::NotConnected, "no connection is called absent"))),
            _ => Ok(Response::new(DisconnectReply {})),
        }
    }

    async fn reroute(&self, request: Request<RerouteRequest>) -> Result<Response<Connection>, Status> {
        let RerouteRequest { also_proxy, never_proxy, .. } = request.into_inner();
        Ok(Response::new(Connection { also_proxy, never_proxy, ..self.connected.clone() }))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let snapshot = |connections| Snapshot { software: "hawser-helper 9.9.9".into(), connections };
        let busier = Connection { sent_bytes: 1000, ..self.connected.clone() };
        let ending = Connection { state: State::Disconnecting.into(), ..self.connected.clone() };
        if matches!(self.ending, Ending::Never | Ending::Stuck) {
            let changes = [snapshot(vec![self.connected.clone()]), snapshot(vec![ending])];
            let changes = tokio_stream::iter(std::iter::repeat(changes).flatten().map(Ok));
            return Ok(Response::new(Box::pin(changes.throttle(std::time::Duration::from_millis(1)))));
        }
        match request.into_inner().follow {
            false => answers(vec![snapshot(vec![self.connected.clone()])]),
            true if self.ending == Ending::Left => {
                let left = Connection { intercepts: Vec::new(), ..self.connected.clone() };
                answers(vec![snapshot(vec![self.connected.clone()]), snapshot(vec![left])])
            }
            true => answers(vec![
                snapshot(vec![self.connected.clone()]),
                snapshot(vec![busier]),
                snapshot(vec![ending]),
                snapshot(vec![]),
            ]),
        }
    }

    async fn flows(&self, _: Request<FlowsRequest>) -> Result<Response<Self::FlowsStream>, Status> {
        let open = Flow {
            connection: "shop".into(),
            id: 1,
            protocol: "tcp".into(),
            destination: "10.96.0.11:80".into(),
            name: "web.demo.local".into(),
            uid: nix::unistd::geteuid().as_raw(),
            inode: nix::sys::stat::fstat(&self.held).unwrap().st_ino,
            state: "open".into(),
            ..Flow::default()
        };
        let closed = Flow {
            state: "closed".into(),
            closed: "both sides finished".into(),
            sent_bytes: 78,
            received_bytes: 90,
            ..open.clone()
        };
        let busier = Flow { sent_bytes: 78, ..open.clone() };
        answers([open, busier, closed].into_iter().map(|flow| FlowList { flows: vec![flow] }).collect())
    }

    async fn queries(&self, _: Request<QueriesRequest>) -> Result<Response<Self::QueriesStream>, Status> {
        let missing =
            Query { id: 2, name: "nobody.demo.local".into(), outcome: query::Outcome::NoSuchName.into(), ..question() };
        answers(vec![
            QueryList { queries: vec![question()], missed: 0 },
            QueryList { queries: vec![missing], missed: 7 },
        ])
    }

    async fn doctor(&self, _: Request<DoctorRequest>) -> Result<Response<DoctorReply>, Status> {
        Ok(Response::new(checks()))
    }

    async fn logs(&self, _: Request<LogsRequest>) -> Result<Response<LogsReply>, Status> {
        let text = "INFO ready\nWARN password=hunter22\n".into();
        Ok(Response::new(LogsReply { text, forgotten: 3 }))
    }

    async fn level(&self, request: Request<LevelRequest>) -> Result<Response<LevelReply>, Status> {
        Ok(Response::new(level(&request.into_inner().level)))
    }

    async fn key(&self, _: Request<KeyRequest>) -> Result<Response<KeyReply>, Status> {
        Ok(Response::new(KeyReply { pin: PIN.into() }))
    }
}
