//! The manager's side: TLS, the first exchange, and links handed to whoever serves them.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::{Request, Response, Status};
use tower::ServiceExt;

use crate::client::Transport;
use crate::error::LinkError;
use crate::identity::{Identity, Pin};
use crate::link::{
    DELIVERIES, Endpoint, LINK_HEADER, LINK_PATH, Link, Outgoing, PACE_HEADER, PROTOCOL_HEADER, Shared, sentence,
};
use crate::pace::Pace;
use crate::proto::tunnel_server::{Tunnel, TunnelServer};
use crate::proto::{
    BrowseRequest, Catalogue, Change, CheckReply, CheckRequest, Distance, DistancesReply, DistancesRequest, HelloReply,
    HelloRequest, InterceptList, InterceptsRequest, PreviewReply, PreviewRequest, ProveReply, ProveRequest,
    RequestList, RequestsRequest, WatchRequest,
};
pub use crate::tls::Admit;
use crate::{NEWEST_PROTOCOL, OLDEST_PROTOCOL, SOFTWARE, limits, tls};
pub use tokio_rustls::TlsAcceptor as Acceptor;

/// Plain reads below TLS: rustls asks for a few KiB at a time.
pub(crate) const READ_BUFFER: usize = 256 * 1024;
/// Encrypted bytes that rustls may hold: one batch goes out with one write.
pub(crate) const TLS_BUFFER: usize = 256 * 1024;
/// Largest HTTP/2 frame that this side takes.
pub(crate) const HTTP2_FRAME: u32 = 256 * 1024;

/// Calls at once of one connection: two links, what is followed beside them, and some lists for people. More wait.
const STREAMS: u32 = 16;

/// What stands behind the links of a manager.
pub trait Host: Send + Sync + 'static {
    /// What each link talks to.
    type Endpoint: Endpoint;

    /// What the cluster is for this client, as the first exchange says it; `protocol` and versions are filled in here.
    fn cluster(&self, peer: Pin) -> HelloReply;

    /// How that changes, beginning with the whole.
    fn changes(&self, peer: Pin) -> Changes;

    /// What this client's user may work on in these namespaces, beginning with the whole.
    fn catalogue(&self, peer: Pin, namespaces: Vec<String>) -> Catalogues;

    /// A new endpoint, and the future that serves it once its link is there.
    fn serve(&self, peer: Pin) -> (Shared<Self::Endpoint>, impl FnOnce(Link) -> Serving + Send + 'static);

    /// This client's intercepts as they are carried here: all of them, again at each change.
    fn intercepts(&self, peer: Pin) -> InterceptLists;

    /// Requests for them, as far as they have a filter: all of them, again at each change.
    fn requests(&self, peer: Pin) -> RequestLists;

    /// Tries every way to the pods of this client's intercept with this uid.
    fn prove(&self, peer: Pin, uid: String) -> Proving;

    /// Whether new pods of this namespace can get an agent.
    fn check(&self, peer: Pin, namespace: String) -> Checking;

    /// What an intercept with this spec (JSON) would change in this namespace.
    fn preview(&self, peer: Pin, namespace: String, spec: String) -> Previewing;

    /// How far the agents of this client's intercepts are.
    fn distances(&self, peer: Pin) -> Vec<Distance>;

    /// The same as [`serve`](Host::serve) for a link on which the client is asked for flows to its handlers.
    fn deliveries(&self, peer: Pin) -> (Shared<Self::Endpoint>, impl FnOnce(Link) -> Serving + Send + 'static);
}

/// News of a cluster, for as long as somebody listens.
pub type Changes = std::pin::Pin<Box<dyn Stream<Item = Change> + Send>>;

/// What somebody may work on, for as long as they listen.
pub type Catalogues = std::pin::Pin<Box<dyn Stream<Item = Catalogue> + Send>>;

/// Somebody's intercepts, for as long as they listen.
pub type InterceptLists = std::pin::Pin<Box<dyn Stream<Item = InterceptList> + Send>>;

/// Requests for somebody's intercepts, for as long as they listen.
pub type RequestLists = std::pin::Pin<Box<dyn Stream<Item = RequestList> + Send>>;

/// A proof under way.
pub type Proving = std::pin::Pin<Box<dyn Future<Output = ProveReply> + Send>>;

/// A check under way.
pub type Checking = std::pin::Pin<Box<dyn Future<Output = CheckReply> + Send>>;

/// A preview under way.
pub type Previewing = std::pin::Pin<Box<dyn Future<Output = PreviewReply> + Send>>;

/// The life of one link.
pub type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// TLS with this identity for the clients that `admit` lets in.
///
/// # Errors
/// Fails if the identity's key cannot be used.
pub fn acceptor(identity: &Identity, admit: Admit) -> Result<TlsAcceptor, LinkError> {
    let config = tls::server_config(identity, admit).map_err(|error| LinkError::Tls(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves one client's connection until it ends.
///
/// # Errors
/// Says why the connection could not be made or how it broke.
pub async fn connection<H: Host>(stream: TcpStream, acceptor: TlsAcceptor, host: Arc<H>) -> Result<(), LinkError> {
    let stream = shake_hands(stream, acceptor).await?;
    let peer = match stream.get_ref().1.peer_certificates() {
        Some([key, ..]) => Pin::of(key),
        _ => return Err(LinkError::NotAdmitted),
    };
    serve_http(stream, service_fn(move |request| answer(request, host.clone(), peer))).await
}

pub(crate) async fn shake_hands(
    stream: TcpStream,
    acceptor: TlsAcceptor,
) -> Result<TlsStream<BufReader<TcpStream>>, LinkError> {
    tune(&stream).map_err(|error| LinkError::Lost(error.to_string()))?;
    let handshake = acceptor.accept(BufReader::with_capacity(READ_BUFFER, stream)).into_fallible();
    let handshake = tokio::time::timeout(limits::HANDSHAKE, handshake).await.map_err(|_| LinkError::Silent)?;
    let mut stream = match handshake {
        Ok(stream) => stream,
        Err((error, stream)) => {
            let _ = tokio::time::timeout(limits::HANDSHAKE, let_hear(stream)).await;
            return Err(LinkError::Tls(error.to_string()));
        }
    };
    stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER));
    Ok(stream)
}

/// Speaks HTTP/2 until the connection ends.
pub(crate) async fn serve_http<S, F>(stream: impl Transport, service: S) -> Result<(), LinkError>
where
    S: hyper::service::Service<
            http::Request<Incoming>,
            Response = http::Response<Body>,
            Error = Infallible,
            Future = F,
        > + Send
        + 'static,
    F: Future<Output = Result<http::Response<Body>, Infallible>> + Send + 'static,
{
    Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::HTTP2_WINDOW)
        .initial_connection_window_size(limits::HTTP2_WINDOW)
        .max_concurrent_streams(STREAMS)
        .max_frame_size(HTTP2_FRAME)
        .max_send_buf_size(limits::SEND_BUFFER)
        .keep_alive_interval(limits::HANDSHAKE)
        .keep_alive_timeout(limits::HANDSHAKE)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(|error| LinkError::Lost(sentence(&error)))
}

/// Closes so that the client gets to read the alert: with bytes of it unread the kernel would send a reset, which overtakes it.
async fn let_hear(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = stream.shutdown().await;
    let mut rest = [0; 4096];
    for _ in 0..limits::LAST_READS {
        if !matches!(stream.read(&mut rest).await, Ok(1..)) {
            return;
        }
    }
}

/// No delay, and little unsent data in the kernel, so that the multiplexer keeps control of the order.
pub(crate) fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(limits::UNSENT_IN_KERNEL)
}

pub(crate) type Body = UnsyncBoxBody<Bytes, Status>;

async fn answer<H: Host>(
    request: http::Request<Incoming>,
    host: Arc<H>,
    peer: Pin,
) -> Result<http::Response<Body>, Infallible> {
    if request.uri().path() == LINK_PATH {
        let opened = match request.headers().get(LINK_HEADER).map(http::HeaderValue::as_bytes) {
            None => open_link(request, || host.serve(peer)),
            Some(kind) if kind == DELIVERIES.as_bytes() => open_link(request, || host.deliveries(peer)),
            Some(_) => Err(Status::unimplemented("this manager knows no such link")),
        };
        return Ok(opened.unwrap_or_else(|status| status.into_http()));
    }
    let hello = TunnelServer::new(Greeter { host, peer });
    let response = hello.oneshot(request).await;
    Ok(response.unwrap_or_else(|never| match never {}).map(BodyExt::boxed_unsync))
}

/// Answers the request for a link: `serve` makes its endpoint, and the future that serves it.
pub(crate) fn open_link<E: Endpoint, S: FnOnce(Link) -> Serving>(
    request: http::Request<Incoming>,
    serve: impl FnOnce() -> (Shared<E>, S),
) -> Result<http::Response<Body>, Status> {
    let number = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    if !number(PROTOCOL_HEADER).is_some_and(|version| (OLDEST_PROTOCOL..=NEWEST_PROTOCOL).contains(&version)) {
        return Err(Status::failed_precondition("the link names no protocol version of this manager"));
    }
    let pace = number(PACE_HEADER).filter(|micros| *micros > 0).map(|micros| Duration::from_micros(micros.into()));
    let pace = pace.map(Pace::new).transpose().map_err(|error| Status::resource_exhausted(error.to_string()))?;
    let (endpoint, serve) = serve();
    let (outgoing, wake) = Outgoing::new(endpoint, pace);
    tokio::spawn(serve(Link::new(request.into_body(), wake)));
    let mut response = http::Response::new(outgoing.map_err(|never| match never {}).boxed_unsync());
    let grpc = http::HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
    Ok(response)
}

struct Greeter<H> {
    host: Arc<H>,
    peer: Pin,
}

#[tonic::async_trait]
impl<H: Host> Tunnel for Greeter<H> {
    type WatchStream = std::pin::Pin<Box<dyn Stream<Item = Result<Change, Status>> + Send>>;
    type BrowseStream = std::pin::Pin<Box<dyn Stream<Item = Result<Catalogue, Status>> + Send>>;
    type InterceptsStream = std::pin::Pin<Box<dyn Stream<Item = Result<InterceptList, Status>> + Send>>;
    type RequestsStream = std::pin::Pin<Box<dyn Stream<Item = Result<RequestList, Status>> + Send>>;

    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let theirs = request.into_inner();
        let common = theirs.newest_protocol.min(NEWEST_PROTOCOL);
        let protocol = if common >= theirs.oldest_protocol.max(OLDEST_PROTOCOL) { common } else { 0 };
        let cluster = if protocol == 0 { HelloReply::default() } else { self.host.cluster(self.peer) };
        Ok(Response::new(HelloReply {
            protocol,
            oldest_protocol: OLDEST_PROTOCOL,
            newest_protocol: NEWEST_PROTOCOL,
            software: SOFTWARE.to_owned(),
            ..cluster
        }))
    }

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(Box::pin(self.host.changes(self.peer).map(Ok))))
    }

    async fn browse(&self, request: Request<BrowseRequest>) -> Result<Response<Self::BrowseStream>, Status> {
        let catalogues = self.host.catalogue(self.peer, request.into_inner().namespaces);
        Ok(Response::new(Box::pin(catalogues.map(Ok))))
    }

    async fn intercepts(&self, _: Request<InterceptsRequest>) -> Result<Response<Self::InterceptsStream>, Status> {
        Ok(Response::new(Box::pin(self.host.intercepts(self.peer).map(Ok))))
    }

    async fn requests(&self, _: Request<RequestsRequest>) -> Result<Response<Self::RequestsStream>, Status> {
        Ok(Response::new(Box::pin(self.host.requests(self.peer).map(Ok))))
    }

    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckReply>, Status> {
        Ok(Response::new(self.host.check(self.peer, request.into_inner().namespace).await))
    }

    async fn preview(&self, request: Request<PreviewRequest>) -> Result<Response<PreviewReply>, Status> {
        let PreviewRequest { namespace, spec } = request.into_inner();
        Ok(Response::new(self.host.preview(self.peer, namespace, spec).await))
    }

    async fn distances(&self, _: Request<DistancesRequest>) -> Result<Response<DistancesReply>, Status> {
        Ok(Response::new(DistancesReply { distances: self.host.distances(self.peer) }))
    }

    async fn prove(&self, request: Request<ProveRequest>) -> Result<Response<ProveReply>, Status> {
        Ok(Response::new(self.host.prove(self.peer, request.into_inner().uid).await))
    }
}
