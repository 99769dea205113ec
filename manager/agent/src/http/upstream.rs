//! Connections to who answers: the app, or a laptop.

use bytes::Bytes;
use hawser_tunnel::frame::Kind;
use hawser_tunnel::sockets::Near;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::sniff::Speech;
use crate::app::App;
use crate::board::Way;

/// One connection, made when it is first needed and again when it has ended.
pub struct Upstream {
    speech: Speech,
    sender: Mutex<Option<Sender>>,
}

#[derive(Clone)]
enum Sender {
    /// One request after the other: whoever has it has it alone.
    Http1(std::sync::Arc<Mutex<http1::SendRequest<Asked>>>),
    Http2(http2::SendRequest<Asked>),
}

/// A request that was not answered.
struct Unsent {
    /// The request, if nothing of it has left.
    request: Option<Request<Asked>>,
    error: String,
}

/// Where an upstream leads.
#[derive(Clone, Copy)]
pub enum To<'a> {
    App(App),
    Laptop(&'a Way),
}

impl Upstream {
    /// Speaks what the client speaks.
    pub fn new(speech: Speech) -> Self {
        Self { speech, sender: Mutex::new(None) }
    }

    /// Sends a request and gives the answer's head; its body follows as it comes.
    pub async fn send(&self, to: To<'_>, request: Request<Asked>) -> Result<Response<Incoming>, String> {
        match self.try_send(to, request).await? {
            Ok(response) => Ok(response),
            // The other end closed a kept connection just then. Nothing of the request was sent.
            Err(Unsent { request: Some(request), .. }) => {
                self.try_send(to, request).await?.map_err(|unsent| unsent.error)
            }
            Err(unsent) => Err(unsent.error),
        }
    }

    async fn try_send(
        &self,
        to: To<'_>,
        request: Request<Asked>,
    ) -> Result<Result<Response<Incoming>, Unsent>, String> {
        let sender = self.sender(to).await?;
        let sent = match sender {
            Sender::Http1(sender) => sender.lock().await.try_send_request(request).await,
            Sender::Http2(mut sender) => sender.try_send_request(request).await,
        };
        Ok(sent.map_err(|mut error| Unsent { request: error.take_message(), error: error.into_error().to_string() }))
    }

    async fn sender(&self, to: To<'_>) -> Result<Sender, String> {
        let mut kept = self.sender.lock().await;
        if let Some(sender) = kept.as_ref() {
            let usable = match sender {
                Sender::Http1(sender) => sender.lock().await.ready().await.is_ok(),
                Sender::Http2(sender) => !sender.is_closed(),
            };
            if usable {
                return Ok(sender.clone());
            }
        }
        let sender = match to {
            To::App(app) => speak(app.connect().await.map_err(|error| error.to_string())?, self.speech).await?,
            To::Laptop(way) => speak(open(way)?, self.speech).await?,
        };
        Ok(kept.insert(sender).clone())
    }
}

/// A stream whose other end is a flow to the laptop.
fn open(way: &Way) -> Result<UnixStream, String> {
    let (near, far) = UnixStream::pair().map_err(|error| error.to_string())?;
    match way.opener.open(Kind::Tcp, way.target, Near::Stream(far)) {
        Ok(()) => Ok(near),
        Err(_) => Err("the laptop is gone".to_owned()),
    }
}

async fn speak<S>(stream: S, speech: Speech) -> Result<Sender, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = TokioIo::new(stream);
    let text = |error: hyper::Error| error.to_string();
    if speech == Speech::Http2 {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(text)?;
        tokio::spawn(connection);
        return Ok(Sender::Http2(sender));
    }
    let (sender, connection) = http1::Builder::new().preserve_header_case(true).handshake(io).await.map_err(text)?;
    tokio::spawn(connection.with_upgrades());
    Ok(Sender::Http1(std::sync::Arc::new(Mutex::new(sender))))
}

/// A request's body on its way: the client's own, or a copy.
pub type Asked = http_body_util::combinators::UnsyncBoxBody<Bytes, hyper::Error>;

/// The answer's body: of who answers, or a sentence.
pub type Said = http_body_util::Either<Incoming, http_body_util::Full<Bytes>>;
