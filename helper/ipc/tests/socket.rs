//! The contract over a real socket: good clients, refused ones, and ones that send anything at all.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::convert::Infallible;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::helper_server::Helper;
use hawser_ipc::proto::*;
use hawser_ipc::{Peer, connect, from_status, limits, peer_of, serve, to_status};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::{Iter, Pending, StreamExt};
use tonic::{Request, Response, Status};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Answers `Key` with the caller's uid, `Flows` with a list too long to send, and follows for ever.
struct Stub;

type Endless<T> = Pending<Result<T, Status>>;

#[tonic::async_trait]
impl Helper for Stub {
    type ConnectStream = Endless<Connection>;
    type WatchStream = Endless<Snapshot>;
    type FlowsStream = Iter<std::vec::IntoIter<Result<FlowList, Status>>>;
    type QueriesStream = tokio_stream::Pending<Result<QueryList, Status>>;
    type BrowseStream = Endless<Catalogue>;
    type AccompanyStream = Endless<CompanionRequest>;
    type InterceptStream = Endless<InterceptState>;
    type FilesStream = Endless<FilesReply>;

    async fn connect(&self, _: Request<ConnectRequest>) -> Result<Response<Self::ConnectStream>, Status> {
        Err(to_status(&Fault::new(Code::PinMismatch, "the stub has no manager")))
    }
    async fn browse(&self, _: Request<BrowseRequest>) -> Result<Response<Self::BrowseStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
    async fn accompany(
        &self,
        _: Request<tonic::Streaming<CompanionAnswer>>,
    ) -> Result<Response<Self::AccompanyStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
    async fn intercept(&self, _: Request<InterceptRequest>) -> Result<Response<Self::InterceptStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
    async fn leave(&self, _: Request<LeaveRequest>) -> Result<Response<LeaveReply>, Status> {
        Ok(Response::new(LeaveReply::default()))
    }
    async fn extend_intercept(&self, _: Request<ExtendRequest>) -> Result<Response<InterceptState>, Status> {
        Ok(Response::new(InterceptState::default()))
    }
    async fn environment(&self, _: Request<EnvironmentRequest>) -> Result<Response<EnvironmentReply>, Status> {
        Ok(Response::new(EnvironmentReply::default()))
    }
    async fn preview(&self, _: Request<InterceptRequest>) -> Result<Response<PreviewReply>, Status> {
        Ok(Response::new(PreviewReply::default()))
    }
    async fn prove(&self, _: Request<ProveRequest>) -> Result<Response<ProveReply>, Status> {
        Ok(Response::new(ProveReply::default()))
    }
    async fn files(&self, _: Request<tonic::Streaming<FilesRequest>>) -> Result<Response<Self::FilesStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
    async fn logged_in(&self, _: Request<LoggedInRequest>) -> Result<Response<LoggedInReply>, Status> {
        Ok(Response::new(LoggedInReply {}))
    }
    async fn logs(&self, _: Request<LogsRequest>) -> Result<Response<LogsReply>, Status> {
        Ok(Response::new(LogsReply::default()))
    }
    async fn level(&self, _: Request<LevelRequest>) -> Result<Response<LevelReply>, Status> {
        Ok(Response::new(LevelReply::default()))
    }
    async fn disconnect(&self, _: Request<DisconnectRequest>) -> Result<Response<DisconnectReply>, Status> {
        Ok(Response::new(DisconnectReply {}))
    }
    async fn reroute(&self, _: Request<RerouteRequest>) -> Result<Response<Connection>, Status> {
        Ok(Response::new(Connection::default()))
    }
    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
    async fn flows(&self, _: Request<FlowsRequest>) -> Result<Response<Self::FlowsStream>, Status> {
        let name = "x".repeat(limits::MESSAGE_FROM_HELPER);
        let list = FlowList { flows: vec![Flow { name, ..Flow::default() }] };
        Ok(Response::new(tokio_stream::iter(vec![Ok(list)])))
    }
    async fn queries(&self, _: Request<QueriesRequest>) -> Result<Response<Self::QueriesStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
    async fn doctor(&self, _: Request<DoctorRequest>) -> Result<Response<DoctorReply>, Status> {
        Ok(Response::new(DoctorReply { checks: vec![] }))
    }
    async fn key(&self, request: Request<KeyRequest>) -> Result<Response<KeyReply>, Status> {
        Ok(Response::new(KeyReply { pin: peer_of(&request)?.uid.to_string() }))
    }
}

/// A served socket in a directory of its own.
struct Served {
    directory: tempfile::TempDir,
    stop: oneshot::Sender<Infallible>,
    task: JoinHandle<()>,
}

impl Served {
    fn start(allowed: impl Fn(&Peer) -> Result<(), Fault> + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("helper.sock")).unwrap();
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let stopped = async move { drop(stopped.await) };
        let task = tokio::spawn(async move { serve(listener, Stub, allowed, stopped).await });
        Self { directory, stop, task }
    }

    fn open() -> Self {
        Self::start(|_| Ok(()))
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("helper.sock")
    }

    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }
}

async fn key(path: &Path) -> Result<String, Fault> {
    let mut client = connect(path).await?;
    let reply = client.key(KeyRequest {}).await.map_err(|status| from_status(&status))?;
    Ok(reply.into_inner().pin)
}

fn own_uid() -> String {
    nix::unistd::geteuid().to_string()
}

#[tokio::test]
async fn a_handler_knows_its_caller() {
    let served = Served::open();
    assert_eq!(key(&served.path()).await.unwrap(), own_uid());
    served.stop().await;
}

#[tokio::test]
async fn a_refused_caller_is_told_why() {
    let served = Served::start(|peer| {
        assert_eq!(peer.pid, Some(i32::try_from(std::process::id()).unwrap()));
        Err(Fault::new(Code::HelperNotAllowed, format!("user {} is not in the group", peer.uid)))
    });
    let fault = key(&served.path()).await.unwrap_err();
    assert_eq!(fault.code, Code::HelperNotAllowed);
    assert_eq!(fault.detail, format!("user {} is not in the group", own_uid()));
    served.stop().await;
}

#[tokio::test]
async fn a_handlers_fault_arrives_whole() {
    let served = Served::open();
    let mut client = connect(&served.path()).await.unwrap();
    let status = client.connect(ConnectRequest::default()).await.unwrap_err();
    assert_eq!(from_status(&status), Fault::new(Code::PinMismatch, "the stub has no manager"));
    served.stop().await;
}

#[tokio::test]
async fn messages_are_bounded_both_ways() {
    let served = Served::open();
    let mut client = connect(&served.path()).await.unwrap();
    let status = client.flows(FlowsRequest::default()).await.unwrap().into_inner().next().await.unwrap().unwrap_err();
    assert_eq!(from_status(&status).code, Code::LimitReached);

    // Past the client's own bound, to meet the server's.
    let mut client = client.max_encoding_message_size(usize::MAX);
    let request = DisconnectRequest { name: "x".repeat(limits::MESSAGE_TO_HELPER) };
    let status = client.disconnect(request).await.unwrap_err();
    assert_eq!(from_status(&status).code, Code::LimitReached);
    assert!(client.key(KeyRequest {}).await.is_ok(), "the connection goes on");
    served.stop().await;
}

#[tokio::test]
async fn an_absent_or_closed_socket_is_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("helper.sock");
    assert_eq!(connect(&path).await.unwrap_err().code, Code::HelperUnreachable);
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(connect(&path).await.unwrap_err().code, Code::HelperUnreachable);
}

#[test]
fn a_socket_that_may_not_be_opened_is_not_allowed() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = directory.path().join("helper.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    // Rights don't bind root, so a thread of its own becomes nobody; the others keep their user.
    std::thread::spawn(move || {
        if nix::unistd::geteuid().is_root() {
            nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65534));
        } else {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fault = runtime.block_on(connect(&path)).unwrap_err();
        assert_eq!(fault.code, Code::HelperNotAllowed);
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn a_full_helper_answers_and_recovers() {
    let served = Served::open();
    let bound = if nix::unistd::geteuid().is_root() { limits::CLIENTS } else { limits::CLIENTS_PER_USER };
    let mut held = Vec::new();
    for _ in 0..bound {
        let mut client = connect(&served.path()).await.unwrap();
        client.key(KeyRequest {}).await.unwrap();
        held.push(client);
    }
    assert_eq!(key(&served.path()).await.unwrap_err().code, Code::LimitReached);
    drop(held);
    wait_until(async || key(&served.path()).await.is_ok()).await;
    served.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_in_time() {
    let served = Served::open();
    for start in [&b""[..], &PREFACE[..7]] {
        let mut stream = UnixStream::connect(served.path()).await.unwrap();
        stream.write_all(start).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_closed(&mut stream).await;
        assert!(began.elapsed() <= limits::PREFACE_TIME + Duration::from_secs(1));
    }
    served.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_answering_is_closed_in_time() {
    let served = Served::open();
    let mut stream = UnixStream::connect(served.path()).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap(); // empty SETTINGS
    let began = tokio::time::Instant::now();
    assert_closed(&mut stream).await;
    assert!(began.elapsed() <= 3 * limits::KEEP_ALIVE);
    served.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_followers_and_silent_clients() {
    let served = Served::open();
    let _silent = UnixStream::connect(served.path()).await.unwrap();
    let mut client = connect(&served.path()).await.unwrap();
    let mut stream = client.watch(WatchRequest { follow: true, ..WatchRequest::default() }).await.unwrap().into_inner();
    let began = tokio::time::Instant::now();
    served.stop().await;
    assert!(began.elapsed() <= 2 * limits::STOP_TIME);
    let status = stream.message().await.unwrap_err();
    assert_eq!(from_status(&status).code, Code::HelperUnreachable);
}

/// Bytes of every kind: noise, noise or nothing behind a good beginning, and frames whose headers make sense.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let noise = || prop::collection::vec(any::<u8>(), 0..600);
    let frame = (0_u8..12, any::<u8>(), 0_u8..6, prop::collection::vec(any::<u8>(), 0..80)).prop_map(
        |(kind, flags, stream, payload)| {
            let length = u8::try_from(payload.len()).unwrap();
            [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], &payload].concat()
        },
    );
    let frames = prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat());
    prop_oneof![
        noise(),
        (0..=PREFACE.len(), noise()).prop_map(|(length, noise)| [&PREFACE[..length], &noise].concat()),
        (0..=PREFACE.len()).prop_map(|length| PREFACE[..length].to_vec()),
        frames.prop_map(|frames| [PREFACE, &frames].concat()),
    ]
}

#[test]
fn any_bytes_leave_the_helper_serving() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served = runtime.block_on(async { Served::open() });
    let path = served.path();
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    runner
        .run(&hostile(), |bytes| {
            throw(&path, &bytes);
            prop_assert_eq!(runtime.block_on(key(&path)).unwrap(), own_uid());
            Ok(())
        })
        .unwrap();
    runtime.block_on(served.stop());
}

/// Sends `bytes`, says that no more will come, and reads what the server has to say until it hangs up.
fn throw(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let sent = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    if let Err(error) = sent {
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected));
    }
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the server did not hang up"),
    }
}

async fn assert_closed(stream: &mut UnixStream) {
    let closed = stream.read_to_end(&mut Vec::new()).await;
    assert!(closed.is_ok() || closed.unwrap_err().kind() == ErrorKind::ConnectionReset);
}

async fn wait_until(condition: impl AsyncFn() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
}
