//! A helper that says what a test tells it to, when the test tells it.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::helper_server::Helper;
use hawser_ipc::proto::*;
use hawser_ipc::{serve, to_status};
use parking_lot::Mutex;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use crate::samples::{PIN, catalogue, checks, environment, granted, level, snapshot};

/// The running helper; it ends with this.
pub struct Live {
    directory: tempfile::TempDir,
    socket: PathBuf,
    told: Arc<Told>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
}

/// A call that changes something or costs something.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// To connect.
    Connect(ConnectRequest),
    /// To end a connection.
    Disconnect(DisconnectRequest),
    /// To route other subnets.
    Reroute(RerouteRequest),
    /// To intercept.
    Intercept(InterceptRequest),
    /// To say what an intercept would change.
    Preview(InterceptRequest),
    /// To leave.
    Leave(LeaveRequest),
    /// To go on for longer.
    Extend(ExtendRequest),
    /// To try every way.
    Prove(ProveRequest),
    /// To tell an environment.
    Environment(EnvironmentRequest),
    /// That somebody has logged in.
    LoggedIn(LoggedInRequest),
    /// To tell workloads.
    Browse(BrowseRequest),
    /// To tell flows.
    Flows,
    /// To tell what names were asked for.
    Queries,
    /// To measure how far everything is.
    Hops,
    /// To write so much to the log.
    Level(String),
}

/// What it was told to say, and what it was asked.
struct Told {
    snapshots: watch::Sender<Snapshot>,
    flows: watch::Sender<FlowList>,
    queries: watch::Sender<QueryList>,
    namespaces: watch::Sender<Vec<Namespace>>,
    trials: Mutex<Vec<Trial>>,
    preview: Mutex<PreviewReply>,
    refusal: Mutex<Option<Fault>>,
    failure: Mutex<Option<Fault>>,
    level: Mutex<Option<LevelReply>>,
    calls: Mutex<Vec<Call>>,
}

impl Live {
    /// One without connections, with a cluster's [`catalogue`] for any connection.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let told = Told {
            snapshots: watch::Sender::new(snapshot(Vec::new())),
            flows: watch::Sender::new(FlowList::default()),
            queries: watch::Sender::new(QueryList::default()),
            namespaces: watch::Sender::new(catalogue()),
            trials: Mutex::default(),
            preview: Mutex::default(),
            refusal: Mutex::default(),
            failure: Mutex::default(),
            level: Mutex::new(Some(level(""))),
            calls: Mutex::default(),
        };
        let mut live = Self {
            socket: directory.path().join("helper.sock"),
            directory,
            told: Arc::new(told),
            stop: None,
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().ok(),
        };
        live.come_back();
        live
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A folder that ends with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// This is so from now on, and is told to everybody who watches.
    pub fn push(&self, snapshot: Snapshot) {
        self.told.snapshots.send_replace(snapshot);
    }

    /// The same of flows.
    pub fn push_flows(&self, flows: Vec<Flow>) {
        self.told.flows.send_replace(FlowList { flows });
    }

    /// These names were asked for meanwhile.
    pub fn push_queries(&self, queries: Vec<Query>, missed: u64) {
        self.told.queries.send_replace(QueryList { queries, missed });
    }

    /// The same of workloads.
    pub fn push_namespaces(&self, namespaces: Vec<Namespace>) {
        self.told.namespaces.send_replace(namespaces);
    }

    /// What a proof finds from now on.
    pub fn prove_with(&self, trials: Vec<Trial>) {
        *self.told.trials.lock() = trials;
    }

    /// What an intercept would change from now on.
    pub fn preview_with(&self, preview: PreviewReply) {
        *self.told.preview.lock() = preview;
    }

    /// Whoever calls from now on is told this; nobody is if it is `None`.
    pub fn refuse(&self, fault: Option<Fault>) {
        *self.told.refusal.lock() = fault;
    }

    /// Connecting, rerouting, intercepting and setting the log's level ends with this from now on.
    pub fn fail(&self, fault: Option<Fault>) {
        *self.told.failure.lock() = fault;
    }

    /// This is its log's level from now on; it knows of none if it is `None`, as an older helper.
    pub fn level(&self, level: Option<LevelReply>) {
        *self.told.level.lock() = level;
    }

    /// It ends, and takes its socket with it.
    pub fn vanish(&mut self) {
        self.stop = None;
        let _ = std::fs::remove_file(&self.socket);
    }

    /// It is started again.
    pub fn come_back(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = self.runtime.as_ref().unwrap();
        // A test may be in another runtime, in which nothing can be waited for.
        let _entered = runtime.enter();
        let listener = UnixListener::bind(&self.socket).unwrap();
        let part = Part(Arc::clone(&self.told));
        let told = Arc::clone(&self.told);
        let allowed = move |_: &hawser_ipc::Peer| told.refusal.lock().clone().map_or(Ok(()), Err);
        let serving = async move {
            tokio::select! {
                // Dropped without a word, as by a helper that is killed.
                _ = stopped => {}
                () = serve(listener, part, allowed, std::future::pending()) => {}
            }
        };
        runtime.spawn(serving);
        self.stop = Some(stop);
    }

    /// What it was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.told.calls.lock().clone()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Told {
    fn note(&self, call: Call) {
        self.calls.lock().push(call);
    }

    fn fails(&self) -> Result<(), Status> {
        self.failure.lock().as_ref().map_or(Ok(()), |fault| Err(to_status(fault)))
    }

    /// The connection's intercept of this name.
    fn intercept(&self, connection: &str, name: &str) -> Result<InterceptState, Status> {
        let snapshot = self.snapshots.borrow();
        let connections = snapshot.connections.iter().filter(|known| known.name == connection);
        let found = connections.flat_map(|known| &known.intercepts).find(|known| known.name == name);
        found.cloned().ok_or_else(|| to_status(&Fault::new(Code::InterceptUnknown, format!("there is no {name}"))))
    }

    fn change(&self, connection: &str, change: impl FnOnce(&mut Vec<InterceptState>)) {
        self.snapshots.send_modify(|snapshot| {
            if let Some(known) = snapshot.connections.iter_mut().find(|known| known.name == connection) {
                change(&mut known.intercepts);
            }
        });
    }
}

struct Part(Arc<Told>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn following<T: Clone + Send + Sync + 'static>(sender: &watch::Sender<T>) -> Answers<T> {
    Box::pin(WatchStream::new(sender.subscribe()).map(Ok))
}

fn answers<T: Send + 'static>(messages: Vec<Result<T, Status>>) -> Answers<T> {
    Box::pin(tokio_stream::iter(messages))
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

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let WatchRequest { follow, hops, .. } = *request.get_ref();
        if hops {
            self.0.note(Call::Hops);
        }
        let without = |connection: Connection| Connection { hops: Vec::new(), ..connection };
        let told = move |snapshot: Snapshot| match hops {
            true => snapshot,
            false => Snapshot { connections: snapshot.connections.into_iter().map(without).collect(), ..snapshot },
        };
        if follow {
            let snapshots = WatchStream::new(self.0.snapshots.subscribe());
            return Ok(Response::new(Box::pin(snapshots.map(move |snapshot| Ok(told(snapshot))))));
        }
        let present = self.0.snapshots.borrow().clone();
        Ok(Response::new(answers(vec![Ok(told(present))])))
    }

    async fn connect(&self, request: Request<ConnectRequest>) -> Result<Response<Self::ConnectStream>, Status> {
        let request = request.into_inner();
        self.0.note(Call::Connect(request.clone()));
        let connecting = Connection {
            name: request.name,
            owner: nix::unistd::geteuid().as_raw(),
            state: State::Connecting.into(),
            step: "dialling".into(),
            ..Connection::default()
        };
        let end = self.0.fails().map(|()| Connection { state: State::Connected.into(), ..connecting.clone() });
        Ok(Response::new(answers(vec![Ok(connecting), end])))
    }

    async fn disconnect(&self, request: Request<DisconnectRequest>) -> Result<Response<DisconnectReply>, Status> {
        let request = request.into_inner();
        self.0.note(Call::Disconnect(request.clone()));
        self.0.snapshots.send_modify(|snapshot| snapshot.connections.retain(|known| known.name != request.name));
        Ok(Response::new(DisconnectReply {}))
    }

    async fn reroute(&self, request: Request<RerouteRequest>) -> Result<Response<Connection>, Status> {
        let request = request.into_inner();
        self.0.note(Call::Reroute(request.clone()));
        self.0.fails()?;
        let mut rerouted = None;
        self.0.snapshots.send_modify(|snapshot| {
            let known = snapshot.connections.iter_mut().find(|known| known.name == request.name);
            rerouted = known.map(|known| {
                (known.also_proxy, known.never_proxy) = (request.also_proxy, request.never_proxy);
                known.clone()
            });
        });
        let absent = || to_status(&Fault::new(Code::NotConnected, "there is no such connection"));
        rerouted.map(Response::new).ok_or_else(absent)
    }

    async fn intercept(&self, request: Request<InterceptRequest>) -> Result<Response<Self::InterceptStream>, Status> {
        let asked = request.into_inner();
        self.0.note(Call::Intercept(asked.clone()));
        self.0.fails()?;
        let mount =
            asked.mount.clone().map(|mount| MountState { mount: Some(mount), mounted: true, ..MountState::default() });
        let state = InterceptState { mount, ..granted(asked) };
        self.0.change(&state.connection, |intercepts| intercepts.push(state.clone()));
        Ok(Response::new(answers(vec![Ok(state)])))
    }

    async fn preview(&self, request: Request<InterceptRequest>) -> Result<Response<PreviewReply>, Status> {
        self.0.note(Call::Preview(request.into_inner()));
        self.0.fails()?;
        Ok(Response::new(self.0.preview.lock().clone()))
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Result<Response<LeaveReply>, Status> {
        let LeaveRequest { connection, name } = request.into_inner();
        self.0.note(Call::Leave(LeaveRequest { connection: connection.clone(), name: name.clone() }));
        let mut names = Vec::new();
        self.0.change(&connection, |intercepts| {
            let left = intercepts.extract_if(.., |known| name.is_empty() || known.name == name);
            names = left.map(|known| known.name).collect();
        });
        Ok(Response::new(LeaveReply { names }))
    }

    async fn extend_intercept(&self, request: Request<ExtendRequest>) -> Result<Response<InterceptState>, Status> {
        let request = request.into_inner();
        self.0.note(Call::Extend(request.clone()));
        let state = self.0.intercept(&request.connection, &request.name)?;
        let longer = InterceptState { until: request.until, ..state };
        self.0.change(&request.connection, |intercepts| {
            intercepts.iter_mut().filter(|known| known.name == request.name).for_each(|known| *known = longer.clone());
        });
        Ok(Response::new(longer))
    }

    async fn environment(&self, request: Request<EnvironmentRequest>) -> Result<Response<EnvironmentReply>, Status> {
        self.0.note(Call::Environment(request.into_inner()));
        Ok(Response::new(environment()))
    }

    async fn prove(&self, request: Request<ProveRequest>) -> Result<Response<ProveReply>, Status> {
        self.0.note(Call::Prove(request.into_inner()));
        Ok(Response::new(ProveReply { trials: self.0.trials.lock().clone() }))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Result<Response<Self::BrowseStream>, Status> {
        let request = request.into_inner();
        let follow = request.follow;
        self.0.note(Call::Browse(request));
        let whole = |namespaces| Catalogue { whole: true, namespaces, removed: Vec::new() };
        if !follow {
            return Ok(Response::new(answers(vec![Ok(whole(self.0.namespaces.borrow().clone()))])));
        }
        let news = WatchStream::new(self.0.namespaces.subscribe()).map(move |namespaces| Ok(whole(namespaces)));
        Ok(Response::new(Box::pin(news)))
    }

    async fn flows(&self, _: Request<FlowsRequest>) -> Result<Response<Self::FlowsStream>, Status> {
        self.0.note(Call::Flows);
        Ok(Response::new(following(&self.0.flows)))
    }

    async fn queries(&self, _: Request<QueriesRequest>) -> Result<Response<Self::QueriesStream>, Status> {
        self.0.note(Call::Queries);
        Ok(Response::new(following(&self.0.queries)))
    }

    async fn logged_in(&self, request: Request<LoggedInRequest>) -> Result<Response<LoggedInReply>, Status> {
        self.0.note(Call::LoggedIn(request.into_inner()));
        Ok(Response::new(LoggedInReply {}))
    }

    async fn doctor(&self, _: Request<DoctorRequest>) -> Result<Response<DoctorReply>, Status> {
        Ok(Response::new(checks()))
    }

    async fn logs(&self, _: Request<LogsRequest>) -> Result<Response<LogsReply>, Status> {
        Ok(Response::new(LogsReply { text: "INFO ready\nWARN password=hunter22\n".into(), forgotten: 0 }))
    }

    async fn level(&self, request: Request<LevelRequest>) -> Result<Response<LevelReply>, Status> {
        let wanted = request.into_inner().level;
        let mut known = self.0.level.lock();
        let known = known.as_mut().ok_or_else(|| Status::unimplemented(""))?;
        if !wanted.is_empty() {
            self.0.note(Call::Level(wanted.clone()));
            self.0.fails()?;
            *known = level(&wanted);
        }
        Ok(Response::new(known.clone()))
    }

    async fn key(&self, _: Request<KeyRequest>) -> Result<Response<KeyReply>, Status> {
        Ok(Response::new(KeyReply { pin: PIN.into() }))
    }

    async fn files(&self, _: Request<Streaming<FilesRequest>>) -> Result<Response<Self::FilesStream>, Status> {
        Err(to_status(&Fault::new(Code::PodAbsent, "no pod of web has told of itself yet")))
    }

    async fn accompany(
        &self,
        _: Request<Streaming<CompanionAnswer>>,
    ) -> Result<Response<Self::AccompanyStream>, Status> {
        Ok(Response::new(Box::pin(tokio_stream::pending())))
    }
}
