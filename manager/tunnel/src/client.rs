//! Making a link: name, TCP, TLS, the first exchange, then the stream of batches.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tonic::Status;

use crate::error::LinkError;
use crate::identity::{Identity, Pin};
use crate::link::{
    DELIVERIES, Endpoint, LINK_HEADER, LINK_PATH, Link, Outgoing, PACE_HEADER, PROTOCOL_HEADER, Shared, sentence,
};
use crate::pace::Pace;
use crate::proto::tunnel_client::TunnelClient;
use crate::proto::{
    BrowseRequest, Catalogue, Change, CheckReply, CheckRequest, Distance, DistancesRequest, HelloReply, HelloRequest,
    InterceptList, InterceptsRequest, PreviewReply, PreviewRequest, ProveRequest, RequestList, RequestsRequest, Trial,
    WatchRequest,
};
use crate::sockets::Sockets;
use crate::{NEWEST_PROTOCOL, OLDEST_PROTOCOL, SOFTWARE, limits, tls};

pub(crate) type Body = UnsyncBoxBody<Bytes, Status>;

/// A connection after the first exchange, before any flow.
pub struct Dialled {
    /// What the manager said of itself and of its cluster.
    pub hello: HelloReply,
    requests: SendRequest<Body>,
    connection: Connection,
}

/// Keeps the connection's task; dropping it ends the connection at once.
pub struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Dials a manager and exchanges versions with it.
///
/// `address` is `host:port`; the manager has to have one of the keys behind `pins`. The connection runs on the current tokio
/// runtime.
///
/// # Errors
/// Says which of the steps failed; [`LinkError::DialTimedOut`] if all of them together take longer than [`limits::DIAL`].
pub async fn dial(address: &str, identity: &Identity, pins: &[Pin]) -> Result<Dialled, LinkError> {
    bounded(address, async {
        let unreachable = |error| LinkError::Unreachable { address: address.to_owned(), error };
        let stream = tokio::time::timeout(limits::TCP_DIAL, TcpStream::connect(address))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(unreachable)?;
        over_tcp(stream, identity, pins).await
    })
    .await
}

/// The same over a TCP connection that is there already.
///
/// # Errors
/// As [`dial`].
pub async fn dial_over_tcp(
    stream: TcpStream,
    address: &str,
    identity: &Identity,
    pins: &[Pin],
) -> Result<Dialled, LinkError> {
    bounded(address, over_tcp(stream, identity, pins)).await
}

/// What a link needs of the connection below it.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

/// The same over any stream of bytes, for example through an API server. `address` is for people.
///
/// # Errors
/// As [`dial`].
pub async fn dial_over(
    stream: impl Transport,
    address: &str,
    identity: &Identity,
    pins: &[Pin],
) -> Result<Dialled, LinkError> {
    bounded(address, greet(stream, identity, pins)).await
}

/// Calls to the manager beside the link, for as long as the connection is there. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    requests: SendRequest<Body>,
    protocol: u32,
}

impl Caller {
    /// What the user may work on in these namespaces, or in all.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn browse(&self, namespaces: Vec<String>) -> Result<tonic::Streaming<Catalogue>, LinkError> {
        let reply = tunnel(self.requests.clone()).browse(BrowseRequest { namespaces }).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner())
    }

    /// This client's intercepts as the manager carries them: all of them, again at each change.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn intercepts(&self) -> Result<tonic::Streaming<InterceptList>, LinkError> {
        let reply = tunnel(self.requests.clone()).intercepts(InterceptsRequest {}).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner())
    }

    /// Requests for this client's intercepts, as the manager knows of them: all of them, again at each change.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn requests(&self) -> Result<tonic::Streaming<RequestList>, LinkError> {
        let reply = tunnel(self.requests.clone()).requests(RequestsRequest {}).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner())
    }

    /// Has the manager try every way to the pods of this client's intercept with this uid.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn prove(&self, uid: String) -> Result<Vec<Trial>, LinkError> {
        let reply = tunnel(self.requests.clone()).prove(ProveRequest { uid }).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner().trials)
    }

    /// How far the agents of the laptop's intercepts are from the manager.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn distances(&self) -> Result<Vec<Distance>, LinkError> {
        let reply = tunnel(self.requests.clone()).distances(DistancesRequest {}).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner().distances)
    }

    /// Whether new pods of this namespace can get an agent.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn check(&self, namespace: String) -> Result<CheckReply, LinkError> {
        let reply = tunnel(self.requests.clone()).check(CheckRequest { namespace }).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner())
    }

    /// What an intercept with this spec (JSON) would change in this namespace.
    ///
    /// # Errors
    /// Fails if the connection broke or the manager is too old.
    pub async fn preview(&self, namespace: String, spec: String) -> Result<PreviewReply, LinkError> {
        let reply = tunnel(self.requests.clone()).preview(PreviewRequest { namespace, spec }).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner())
    }

    /// Opens a second link, on which the manager asks for flows to handlers ([`crate::target::of_handler`]) and `sockets` serves
    /// them: see [`crate::sockets::serve`].
    ///
    /// # Errors
    /// Fails if the manager refuses the stream or the connection broke.
    pub async fn deliveries(&self, sockets: Shared<Sockets>, pace: Option<Duration>) -> Result<Link, LinkError> {
        open_link(&mut self.requests.clone(), sockets, self.protocol, pace, Some(DELIVERIES)).await
    }
}

impl Dialled {
    /// For calls beside the link.
    pub fn caller(&self) -> Caller {
        Caller { requests: self.requests.clone(), protocol: self.hello.protocol }
    }

    /// What changes in the cluster from now on. A manager that is too old for it says nothing, ever.
    ///
    /// # Errors
    /// Fails if the connection broke.
    pub async fn changes(&self) -> Result<tonic::Streaming<Change>, LinkError> {
        let reply = tunnel(self.requests.clone()).watch(WatchRequest {}).await;
        Ok(reply.map_err(|status| hello_error(&status))?.into_inner())
    }

    /// Opens the stream of batches for this endpoint. With a `pace`, small batches wait for others in both directions, each for
    /// that time at most: worth it where every write is dear.
    ///
    /// # Errors
    /// Fails if the manager refuses the stream or the connection broke.
    pub async fn attach(
        mut self,
        endpoint: impl Endpoint,
        pace: Option<Duration>,
    ) -> Result<(Link, Connection), LinkError> {
        let link = open_link(&mut self.requests, endpoint, self.hello.protocol, pace, None).await?;
        Ok((link, self.connection))
    }
}

/// Opens a stream of batches. `kind` is what the link is for, if not for the client's own flows.
pub(crate) async fn open_link(
    requests: &mut SendRequest<Body>,
    endpoint: impl Endpoint,
    protocol: u32,
    pace: Option<Duration>,
    kind: Option<&'static str>,
) -> Result<Link, LinkError> {
    let held = pace.map(Pace::new).transpose().map_err(|error| LinkError::Lost(error.to_string()))?;
    let (outgoing, wake) = Outgoing::new(endpoint, held);
    let body = outgoing.map_err(|never| match never {}).boxed_unsync();
    let mut request = http::Request::post(format!("https://manager{LINK_PATH}"))
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(http::header::TE, "trailers")
        .header(PROTOCOL_HEADER, protocol)
        .header(PACE_HEADER, pace.map_or(0, |pace| u64::try_from(pace.as_micros()).unwrap_or(u64::MAX)));
    if let Some(kind) = kind {
        request = request.header(LINK_HEADER, kind);
    }
    let request = request.body(body).expect("the parts of the request are constant and valid");
    let response = requests.send_request(request).await.map_err(|error| LinkError::Lost(sentence(&error)))?;
    if let Some(status) = Status::from_header_map(response.headers())
        && status.code() != tonic::Code::Ok
    {
        return Err(LinkError::Hello(status.message().to_owned()));
    }
    Ok(Link::new(response.into_body(), wake))
}

async fn bounded(
    address: &str,
    dialling: impl Future<Output = Result<Dialled, LinkError>>,
) -> Result<Dialled, LinkError> {
    tokio::time::timeout(limits::DIAL, dialling)
        .await
        .unwrap_or_else(|_| Err(LinkError::DialTimedOut { address: address.to_owned(), after: limits::DIAL }))
}

async fn over_tcp(stream: TcpStream, identity: &Identity, pins: &[Pin]) -> Result<Dialled, LinkError> {
    crate::server::tune(&stream).map_err(|error| LinkError::Lost(error.to_string()))?;
    greet(BufReader::with_capacity(crate::server::READ_BUFFER, stream), identity, pins).await
}

/// TLS, HTTP/2 and the first exchange.
async fn greet(stream: impl Transport, identity: &Identity, pins: &[Pin]) -> Result<Dialled, LinkError> {
    let config = tls::client_config(identity, pins).map_err(|error| LinkError::Tls(error.to_string()))?;
    // The name is not checked, the key is; nothing of the address goes onto the wire in clear.
    let name = ServerName::try_from("manager").expect("a constant DNS name");
    let (requests, connection) = speak(stream, config, name).await?;
    let hello = hello(requests.clone()).await?;
    Ok(Dialled { hello, requests, connection })
}

/// TLS and HTTP/2.
pub(crate) async fn speak(
    stream: impl Transport,
    config: ClientConfig,
    name: ServerName<'static>,
) -> Result<(SendRequest<Body>, Connection), LinkError> {
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(tls::handshake_error)?;
    stream.get_mut().1.set_buffer_limit(Some(crate::server::TLS_BUFFER));
    let (requests, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::HTTP2_WINDOW)
        .initial_connection_window_size(limits::HTTP2_WINDOW)
        .max_frame_size(crate::server::HTTP2_FRAME)
        .max_send_buf_size(limits::SEND_BUFFER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| after_handshake(&error))?;
    let connection = Connection(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = sentence(&error), "connection ended");
        }
    }));
    Ok((requests, connection))
}

async fn hello(requests: SendRequest<Body>) -> Result<HelloReply, LinkError> {
    let request = HelloRequest {
        oldest_protocol: OLDEST_PROTOCOL,
        newest_protocol: NEWEST_PROTOCOL,
        software: SOFTWARE.to_owned(),
    };
    let reply = tunnel(requests).hello(request).await;
    let reply = reply.map_err(|status| hello_error(&status))?.into_inner();
    match (OLDEST_PROTOCOL..=NEWEST_PROTOCOL).contains(&reply.protocol) {
        true => Ok(reply),
        false => Err(LinkError::Version {
            software: reply.software,
            oldest: reply.oldest_protocol,
            newest: reply.newest_protocol,
        }),
    }
}

/// The calls of the service over this connection.
fn tunnel(requests: SendRequest<Body>) -> TunnelClient<impl Calls> {
    TunnelClient::with_origin(calls(requests), origin())
}

/// The origin that requests name; nobody looks at it.
pub(crate) fn origin() -> http::Uri {
    http::Uri::from_static("https://manager")
}

/// What tonic makes calls with.
pub(crate) trait Calls:
    tower::Service<
        http::Request<tonic::body::Body>,
        Response = http::Response<hyper::body::Incoming>,
        Error = hyper::Error,
        Future: Send,
    > + Clone
{
}

impl<S> Calls for S where
    S: tower::Service<
            http::Request<tonic::body::Body>,
            Response = http::Response<hyper::body::Incoming>,
            Error = hyper::Error,
            Future: Send,
        > + Clone
{
}

pub(crate) fn calls(requests: SendRequest<Body>) -> impl Calls {
    tower::service_fn(move |request: http::Request<tonic::body::Body>| {
        let mut requests = requests.clone();
        async move { requests.send_request(request.map(BodyExt::boxed_unsync)).await }
    })
}

/// In TLS 1.3 a client learns only from its first read that the server did not take its key.
fn hello_error(status: &Status) -> LinkError {
    match std::error::Error::source(status) {
        Some(source) => after_handshake(source),
        None if status.code() == tonic::Code::Unimplemented => {
            LinkError::Hello("the manager is too old for what was asked of it".to_owned())
        }
        None => LinkError::Hello(status.message().to_owned()),
    }
}

fn after_handshake(error: &(dyn std::error::Error + 'static)) -> LinkError {
    let text = sentence(error);
    // h2 keeps only the text of an error of its transport.
    let denied = rustls::Error::AlertReceived(rustls::AlertDescription::AccessDenied).to_string();
    if text.contains(&denied) { LinkError::NotAdmitted } else { LinkError::Hello(text) }
}
