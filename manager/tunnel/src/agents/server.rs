//! The manager's end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use futures_util::{Stream, StreamExt as _};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceExt as _;

use crate::error::LinkError;
use crate::limits;
use crate::link::{LINK_PATH, Link, Shared};
use crate::proto::agents_server::{Agents, AgentsServer};
use crate::proto::{AgentOrders, AgentReport, Registration};
use crate::server::{Body, Serving, open_link, serve_http, shake_hands};
use crate::sockets::Sockets;

/// What is to be done, each time the whole, for as long as somebody listens.
pub type Orders = Pin<Box<dyn Stream<Item = AgentOrders> + Send>>;
/// What the agent says after its registration.
pub type Reports = Pin<Box<dyn Stream<Item = AgentReport> + Send>>;

/// What stands behind the agents' links of a manager.
pub trait Host: Send + Sync + 'static {
    /// A pod whose agent has proven itself.
    type Agent: Clone + Send + Sync + 'static;

    /// Which pod this is. An error is the reason why nobody believes it.
    fn admit(&self, registration: Registration) -> impl Future<Output = Result<Self::Agent, String>> + Send;

    /// What the agent is to do. `reports` is what it says meanwhile; its end is the end of the connection.
    fn orders(&self, agent: &Self::Agent, reports: Reports) -> Orders;

    /// A new endpoint, and the future that serves it once its link is there.
    fn serve(&self, agent: &Self::Agent) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static);
}

/// Serves one agent's connection until it ends.
///
/// # Errors
/// Says why the connection could not be made or how it broke.
pub async fn connection<H: Host>(stream: TcpStream, acceptor: TlsAcceptor, host: Arc<H>) -> Result<(), LinkError> {
    let stream = shake_hands(stream, acceptor).await?;
    let known = Arc::new(OnceLock::new());
    let agent = known.clone();
    let service = service_fn(move |request| answer(request, Known { host: host.clone(), agent: agent.clone() }));
    let serving = serve_http(stream, service);
    let strangers_end = async {
        tokio::time::sleep(limits::HANDSHAKE).await;
        if known.get().is_some() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = serving => ended,
        () = strangers_end => Err(LinkError::NotAdmitted),
    }
}

/// One connection: its agent, once that has proven itself.
struct Known<H: Host> {
    host: Arc<H>,
    agent: Arc<OnceLock<H::Agent>>,
}

async fn answer<H: Host>(
    request: http::Request<Incoming>,
    known: Known<H>,
) -> Result<http::Response<Body>, Infallible> {
    if request.uri().path() == LINK_PATH {
        let opened = match known.agent.get() {
            Some(agent) => open_link(request, || known.host.serve(agent)),
            None => Err(Status::unauthenticated("the agent has not shown its token")),
        };
        return Ok(opened.unwrap_or_else(|status| status.into_http()));
    }
    let response = AgentsServer::new(known).oneshot(request).await;
    Ok(response.unwrap_or_else(|never| match never {}).map(BodyExt::boxed_unsync))
}

#[tonic::async_trait]
impl<H: Host> Agents for Known<H> {
    type FollowStream = Pin<Box<dyn Stream<Item = Result<AgentOrders, Status>> + Send>>;

    async fn follow(&self, request: Request<Streaming<AgentReport>>) -> Result<Response<Self::FollowStream>, Status> {
        let mut reports = request.into_inner();
        let first = timeout(limits::HANDSHAKE, reports.message()).await.map_err(|_| silent())??;
        let registration = first.and_then(|first| first.registration).ok_or_else(silent)?;
        let agent = self.host.admit(registration).await.map_err(Status::unauthenticated)?;
        if self.agent.set(agent.clone()).is_err() {
            return Err(Status::failed_precondition("this connection has its agent already"));
        }
        let reports = reports.take_while(|report| std::future::ready(report.is_ok()));
        let reports = reports.filter_map(|report| std::future::ready(report.ok()));
        Ok(Response::new(Box::pin(self.host.orders(&agent, Box::pin(reports)).map(Ok))))
    }
}

fn silent() -> Status {
    Status::invalid_argument("the first message has to be the registration")
}
