//! The agent's end.

use futures_util::Stream;
use hyper::client::conn::http2::SendRequest;
use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Streaming;

use crate::client::{Body, Connection, calls, open_link, origin, speak};
use crate::error::LinkError;
use crate::link::{Link, Shared};
use crate::proto::agents_client::AgentsClient;
use crate::proto::{AgentOrders, AgentReport};
use crate::sockets::Sockets;
use crate::{NEWEST_PROTOCOL, limits, server, tls};

/// A connection to a manager.
pub struct Dialled {
    requests: SendRequest<Body>,
    connection: Connection,
}

/// Dials the manager at `address` (`host:port`), whose certificate is for `name` and of one of `authorities` (PEM).
///
/// # Errors
/// Says which of the steps failed.
pub async fn dial(address: &str, name: &str, authorities: &str) -> Result<Dialled, LinkError> {
    let dialling = async {
        let unreachable = |error| LinkError::Unreachable { address: address.to_owned(), error };
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        server::tune(&stream).map_err(|error| LinkError::Lost(error.to_string()))?;
        let config = tls::authority_config(authorities).map_err(|error| LinkError::Tls(error.to_string()))?;
        let name = ServerName::try_from(name.to_owned()).map_err(|error| LinkError::Tls(error.to_string()))?;
        let stream = BufReader::with_capacity(server::READ_BUFFER, stream);
        let (requests, connection) = speak(stream, config, name).await?;
        Ok(Dialled { requests, connection })
    };
    timeout(limits::DIAL, dialling)
        .await
        .unwrap_or_else(|_| Err(LinkError::DialTimedOut { address: address.to_owned(), after: limits::DIAL }))
}

impl Dialled {
    /// Reports, and hears what is to be done. The first report is the registration.
    ///
    /// # Errors
    /// [`LinkError::NotAdmitted`] if the manager does not believe the token.
    pub async fn follow(
        &self,
        reports: impl Stream<Item = AgentReport> + Send + 'static,
    ) -> Result<Streaming<AgentOrders>, LinkError> {
        match AgentsClient::with_origin(calls(self.requests.clone()), origin()).follow(reports).await {
            Ok(orders) => Ok(orders.into_inner()),
            Err(status) if status.code() == tonic::Code::Unauthenticated => Err(LinkError::NotAdmitted),
            Err(status) => Err(LinkError::Hello(status.message().to_owned())),
        }
    }

    /// Opens the link. To be called when the first orders are there.
    ///
    /// # Errors
    /// Fails if the manager refuses or the connection broke.
    pub async fn attach(mut self, sockets: Shared<Sockets>) -> Result<(Link, Connection), LinkError> {
        let link = open_link(&mut self.requests, sockets, NEWEST_PROTOCOL, None, None).await?;
        Ok((link, self.connection))
    }
}
