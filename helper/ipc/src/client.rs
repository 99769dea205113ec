//! The user's end of the socket.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use hawser_fault::{Code, Fault};
use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tonic::body::Body;

use crate::limits;
use crate::proto::helper_client::HelperClient;

/// The helper, ready to be called.
pub type Client = HelperClient<Channel>;

/// Connects to the helper's socket at `path`.
///
/// # Errors
/// `helper-unreachable` if nothing listens there, `helper-not-allowed` if the socket may not be opened.
pub async fn connect(path: &Path) -> Result<Client, Fault> {
    let stream = UnixStream::connect(path).await.map_err(|error| connect_fault(path, &error))?;
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::KEEP_ALIVE)
        .keep_alive_timeout(limits::KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Fault::new(Code::HelperUnreachable, format!("the helper hung up at once: {error}")))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to the helper ended");
        }
    });
    Ok(HelperClient::with_origin(Channel(sender), Uri::from_static("http://hawser-helper"))
        .max_encoding_message_size(limits::MESSAGE_TO_HELPER)
        .max_decoding_message_size(limits::MESSAGE_FROM_HELPER))
}

fn connect_fault(path: &Path, error: &io::Error) -> Fault {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Fault::new(Code::HelperNotAllowed, format!("the socket {path} may not be opened by this user"))
        }
        io::ErrorKind::NotFound => Fault::new(Code::HelperUnreachable, format!("there is no socket {path}")),
        io::ErrorKind::ConnectionRefused => {
            Fault::new(Code::HelperUnreachable, format!("nothing listens on the socket {path}"))
        }
        _ => Fault::new(Code::HelperUnreachable, format!("connecting to the socket {path} failed: {error}")),
    }
}

/// One HTTP/2 connection to the helper; clones share it. It isn't made anew once it broke: connect again.
#[derive(Clone, Debug)]
pub struct Channel(SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
