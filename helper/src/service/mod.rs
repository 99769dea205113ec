//! The contract of hawser-ipc, answered: one method a call, each in terms of [`Connections`].

mod doctor;
mod files;
mod hops;
mod intercept;
mod intercepting;
mod message;
mod queries;
mod stream;
mod subnets;

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::helper_server::Helper;
use hawser_ipc::proto::{
    BrowseRequest, Catalogue, CompanionAnswer, CompanionRequest, ConnectRequest, Connection, DisconnectReply,
    DisconnectRequest, DoctorReply, DoctorRequest, EnvironmentReply, EnvironmentRequest, ExtendRequest, FilesReply,
    FilesRequest, FlowList, FlowsRequest, InterceptRequest, InterceptState, KeyReply, KeyRequest, LeaveReply,
    LeaveRequest, LevelReply, LevelRequest, LoggedInReply, LoggedInRequest, LogsReply, LogsRequest, PreviewReply,
    ProveReply, ProveRequest, QueriesRequest, QueryList, RerouteRequest, Snapshot, WatchRequest,
};
use hawser_ipc::{peer_of, to_status};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::connections::{Connections, View};
use crate::intercepts;
use crate::limits;
use crate::log::Log;
use crate::machine::Machine;
use crate::recent::Excerpt;
use crate::store::desired::{Id, Routing};

/// The helper as its clients see it.
pub struct Service {
    connections: Arc<Connections<Machine>>,
    machine: Arc<Machine>,
    facts: doctor::Facts,
    log: Log,
    streams: Arc<Semaphore>,
}

type Streamed<T> = Result<Response<ReceiverStream<Result<T, Status>>>, Status>;

impl Service {
    /// Answers for these connections on this machine, whose state is kept in `state_dir` and whose log is `log`.
    pub fn new(
        connections: Arc<Connections<Machine>>,
        machine: Arc<Machine>,
        state_dir: std::path::PathBuf,
        log: Log,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(limits::STREAMS));
        Self { connections, machine, facts: doctor::Facts { state_dir }, log, streams }
    }

    /// The caller's own connection of this name, or their only one.
    fn own(&self, caller: u32, name: &str) -> Result<View, Status> {
        self.connections.own(caller, name).map_err(|fault| to_status(&fault))
    }

    /// A place among the open streams, held as long as the stream is.
    fn stream_place(&self) -> Result<stream::Place, Status> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            let detail = format!("{} programs already follow this helper", limits::STREAMS);
            to_status(&Fault::new(Code::LimitReached, detail))
        })
    }
}

#[tonic::async_trait]
impl Helper for Service {
    type ConnectStream = ReceiverStream<Result<Connection, Status>>;
    type WatchStream = ReceiverStream<Result<Snapshot, Status>>;
    type BrowseStream = ReceiverStream<Result<Catalogue, Status>>;
    type AccompanyStream = ReceiverStream<Result<CompanionRequest, Status>>;
    type InterceptStream = ReceiverStream<Result<InterceptState, Status>>;
    type FilesStream = ReceiverStream<Result<FilesReply, Status>>;
    type FlowsStream = ReceiverStream<Result<FlowList, Status>>;
    type QueriesStream = ReceiverStream<Result<QueryList, Status>>;

    async fn connect(&self, request: Request<ConnectRequest>) -> Streamed<Connection> {
        let place = self.stream_place()?;
        let owner = peer_of(&request)?.uid;
        let ConnectRequest { name, target } = request.into_inner();
        let target = message::target(target).map_err(|fault| to_status(&fault))?;
        let handlers = self.machine.intercepts.views(&Id { owner, name: name.clone() });
        intercept::stay_outside(&handlers, &target.routing().also).map_err(|fault| to_status(&fault))?;
        self.log.recent.tells_of(owner);
        // Asked for once, the connection is made whether or not the asker stays to see it.
        let connections = Arc::clone(&self.connections);
        let followed = tokio::spawn(async move { connections.connect(Id { owner, name }, target).await });
        let followed = followed.await.map_err(|error| internal(&error))?.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(stream::connecting(followed, Arc::clone(&self.connections), place)))
    }

    async fn disconnect(&self, request: Request<DisconnectRequest>) -> Result<Response<DisconnectReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let name = &request.get_ref().name;
        self.connections.disconnect(caller, name).await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(DisconnectReply {}))
    }

    async fn reroute(&self, request: Request<RerouteRequest>) -> Result<Response<Connection>, Status> {
        let caller = peer_of(&request)?.uid;
        let RerouteRequest { name, also_proxy, never_proxy } = request.into_inner();
        let rerouted = async {
            let routing = Routing { also: subnets::read(&also_proxy)?, never: subnets::read(&never_proxy)? };
            let id = self.connections.own(caller, &name)?.wish.id;
            intercept::stay_outside(&self.machine.intercepts.views(&id), &routing.also)?;
            self.connections.reroute(caller, &name, routing).await
        };
        let view = rerouted.await.map_err(|fault: Fault| to_status(&fault))?;
        let intercepts = self.machine.intercepts.views(&view.wish.id).iter().map(intercept::state).collect();
        Ok(Response::new(Connection { intercepts, ..message::connection(&view, caller) }))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Streamed<Snapshot> {
        let place = self.stream_place()?;
        let caller = peer_of(&request)?.uid;
        let request = request.into_inner();
        let intercepts = Arc::clone(&self.machine.intercepts);
        let clusters = Arc::clone(&self.machine.clusters);
        Ok(Response::new(stream::snapshots(
            Arc::clone(&self.connections),
            intercepts,
            clusters,
            caller,
            request,
            place,
        )))
    }

    async fn flows(&self, request: Request<FlowsRequest>) -> Streamed<FlowList> {
        let place = self.stream_place()?;
        let caller = peer_of(&request)?.uid;
        let follow = request.get_ref().follow;
        Ok(Response::new(stream::flows(Arc::clone(&self.connections), caller, follow, place)))
    }

    async fn queries(&self, request: Request<QueriesRequest>) -> Streamed<QueryList> {
        let place = self.stream_place()?;
        let caller = peer_of(&request)?.uid;
        let follow = request.get_ref().follow;
        Ok(Response::new(queries::queries(Arc::clone(&self.connections), caller, follow, place)))
    }

    async fn doctor(&self, request: Request<DoctorRequest>) -> Result<Response<DoctorReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let views = self.connections.views();
        let mut checks = doctor::run(&self.facts, &self.machine, &views, caller).await;
        checks.extend(intercepting::run(&self.connections, &self.machine.intercepts, &views, caller).await);
        Ok(Response::new(DoctorReply { checks }))
    }

    async fn logs(&self, request: Request<LogsRequest>) -> Result<Response<LogsReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let Excerpt { text, forgotten } = self.log.recent.read(caller).map_err(|fault| to_status(&fault))?;
        Ok(Response::new(LogsReply { text, forgotten }))
    }

    async fn level(&self, request: Request<LevelRequest>) -> Result<Response<LevelReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let wanted = request.into_inner().level;
        if !wanted.is_empty() {
            self.log.set_level(caller, &wanted).map_err(|fault| to_status(&fault))?;
        }
        let (level, until) = self.log.level();
        let until = until.map(Timestamp::as_millisecond).unwrap_or_default();
        Ok(Response::new(LevelReply { level: level.word().to_owned(), until }))
    }

    async fn key(&self, request: Request<KeyRequest>) -> Result<Response<KeyReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let identity = self.machine.keys.of_user(caller).map_err(|fault| to_status(&fault))?;
        Ok(Response::new(KeyReply { pin: identity.pin().to_string() }))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Streamed<Catalogue> {
        let place = self.stream_place()?;
        let caller = peer_of(&request)?.uid;
        let BrowseRequest { connection, namespaces, follow } = request.into_inner();
        let catalogues = self.connections.browse(caller, &connection, namespaces).await;
        let catalogues = catalogues.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(stream::catalogues(catalogues, follow, place)))
    }

    async fn intercept(&self, request: Request<InterceptRequest>) -> Streamed<InterceptState> {
        let place = self.stream_place()?;
        let caller = peer_of(&request)?.uid;
        let request = request.into_inner();
        let view = self.own(caller, &request.connection)?;
        let asked = async {
            let wanted = intercept::obtainable(&view, request)?;
            let (name, until) = (wanted.name.clone(), wanted.until);
            let standing = self.machine.intercepts.ask(&view.wish, wanted)?;
            self.machine.intercepts.end_at(&view.wish, &name, until).await?;
            Ok((name, standing))
        };
        let (name, standing) = asked.await.map_err(|fault: Fault| to_status(&fault))?;
        let intercepts = Arc::clone(&self.machine.intercepts);
        Ok(Response::new(stream::intercepting(intercepts, view.wish.id, name, standing, place)))
    }

    async fn preview(&self, request: Request<InterceptRequest>) -> Result<Response<PreviewReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let request = request.into_inner();
        let view = self.own(caller, &request.connection)?;
        let asked = async {
            let wanted = intercept::obtainable(&view, request)?;
            let spec = intercepts::previewed(&wanted)?;
            let said = self.connections.preview(&view.wish.id, wanted.namespace, spec).await?;
            intercept::preview(said)
        };
        Ok(Response::new(asked.await.map_err(|fault: Fault| to_status(&fault))?))
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Result<Response<LeaveReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let LeaveRequest { connection, name } = request.into_inner();
        let id = self.own(caller, &connection)?.wish.id;
        // Asked for once, it is ended whether or not the asker stays to see it.
        let intercepts = Arc::clone(&self.machine.intercepts);
        let left = tokio::spawn(async move { intercepts.leave(&id, &name).await });
        let names = left.await.map_err(|error| internal(&error))?.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(LeaveReply { names }))
    }

    async fn extend_intercept(&self, request: Request<ExtendRequest>) -> Result<Response<InterceptState>, Status> {
        let caller = peer_of(&request)?.uid;
        let ExtendRequest { connection, name, until } = request.into_inner();
        let wish = self.own(caller, &connection)?.wish;
        let until = intercept::time(until).map_err(|fault| to_status(&fault))?;
        let view = self.machine.intercepts.extend(&wish, &name, until).await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(intercept::state(&view)))
    }

    async fn environment(&self, request: Request<EnvironmentRequest>) -> Result<Response<EnvironmentReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let EnvironmentRequest { connection, name } = request.into_inner();
        let id = self.own(caller, &connection)?.wish.id;
        let environment = self.machine.intercepts.environment(&id, &name).await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(intercept::environment(environment)))
    }

    async fn files(&self, request: Request<Streaming<FilesRequest>>) -> Streamed<FilesReply> {
        let place = self.stream_place()?;
        let caller = peer_of(&request)?.uid;
        let mut requests = request.into_inner();
        let named = || to_status(&Fault::new(Code::BadArgument, "the first message names no intercept"));
        let first = timeout(limits::FIRST_MESSAGE, requests.message()).await.map_err(|_| named())?;
        let FilesRequest { connection, name, .. } = first?.ok_or_else(named)?;
        let id = self.own(caller, &connection)?.wish.id;
        let files = self.machine.intercepts.files(&id, &name).map_err(|fault| to_status(&fault))?;
        Ok(Response::new(files::carry(files, requests, place)))
    }

    async fn prove(&self, request: Request<ProveRequest>) -> Result<Response<ProveReply>, Status> {
        let caller = peer_of(&request)?.uid;
        let ProveRequest { connection, name } = request.into_inner();
        let id = self.own(caller, &connection)?.wish.id;
        let uid = self.machine.intercepts.uid(&id, &name).map_err(|fault| to_status(&fault))?;
        let trials = self.connections.prove(&id, uid).await.map_err(|fault| to_status(&fault))?;
        Ok(Response::new(ProveReply { trials: trials.into_iter().map(intercept::trial).collect() }))
    }

    async fn accompany(&self, request: Request<Streaming<CompanionAnswer>>) -> Streamed<CompanionRequest> {
        let place = self.stream_place()?;
        let owner = peer_of(&request)?.uid;
        let companions = Arc::clone(&self.machine.clusters.companions);
        let intercepts = Arc::clone(&self.machine.intercepts);
        Ok(Response::new(stream::companion(companions, intercepts, owner, request.into_inner(), place)))
    }

    async fn logged_in(&self, request: Request<LoggedInRequest>) -> Result<Response<LoggedInReply>, Status> {
        peer_of(&request)?;
        self.machine.clusters.companions.logged_in();
        Ok(Response::new(LoggedInReply {}))
    }
}

fn internal(error: &tokio::task::JoinError) -> Status {
    to_status(&Fault::new(Code::Internal, format!("a task of the helper ended early: {error}")))
}
