//! Requests to an API server, one after the other over one kept connection.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::access::{Access, Credential};
use crate::dial::{Route, Stream};
use crate::error::ApiError;
use crate::limits;
use crate::port_forward::{PortForward, Protocol};

/// An API server as one user sees it. Cheap to clone; clones share a connection.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    route: Route,
    headers: HeaderMap,
    kept: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub struct Body {
    /// For example `application/json`.
    pub content_type: &'static str,
    /// The encoded thing.
    pub bytes: Vec<u8>,
}

/// What a server says to a request, as it is.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Bytes,
}

impl Body {
    /// An object to create.
    pub fn json(object: &impl serde::Serialize) -> Self {
        let bytes = serde_json::to_vec(object).expect("an object of ours can be written as JSON");
        Self { content_type: "application/json", bytes }
    }
}

/// Kubernetes' own error object (meta/v1 Status).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
}

impl Api {
    /// Nothing is dialled yet.
    ///
    /// # Errors
    /// [`ApiError::Malformed`] if the server's URL, a certificate or a name cannot be used.
    pub fn new(access: &Access) -> Result<Self, ApiError> {
        let inner = Inner { route: Route::new(access)?, headers: headers(access)?, kept: Mutex::new(None) };
        Ok(Self(Arc::new(inner)))
    }

    /// Host and port of the server.
    pub fn address(&self) -> String {
        self.0.route.authority()
    }

    /// Asks and reads the answer. `path` begins with a slash and has its query.
    ///
    /// # Errors
    /// Any [`ApiError`]; [`ApiError::Refused`] for every status but 2xx.
    pub async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<T, ApiError> {
        let request = format!("{method} {path}");
        let answer = self.answer(method, path, body).await?;
        serde_json::from_slice(&answer.bytes).map_err(|error| ApiError::Broken { request, reason: error.to_string() })
    }

    /// The same for an answer that need not be an object.
    ///
    /// # Errors
    /// As [`Api::request`].
    pub async fn answer(&self, method: Method, path: &str, body: Option<Body>) -> Result<Answer, ApiError> {
        let request = format!("{method} {path}");
        let broken = |reason: String| ApiError::Broken { request: request.clone(), reason };
        let answer = async {
            let (head, body) = self.send(method, path, body).await?.into_parts();
            let bytes = Limited::new(body, limits::ANSWER).collect().await;
            let bytes = bytes.map_err(|error| broken(error.to_string()))?.to_bytes();
            if !head.status.is_success() {
                return Err(refused(head.status, &bytes));
            }
            Ok(Answer { headers: head.headers, bytes })
        };
        within(&request, answer).await
    }

    /// Follows a watch: each call of [`Events::next`] is one event. Uses a connection of its own.
    ///
    /// # Errors
    /// As [`Api::request`].
    pub async fn watch<T: DeserializeOwned>(&self, path: &str) -> Result<Events<T>, ApiError> {
        let request = format!("GET {path}");
        let answer = async {
            let mut sender = self.connect().await?;
            let response = self.send_over(&mut sender, Method::GET, path, None).await?;
            let status = response.status();
            if !status.is_success() {
                let bytes = Limited::new(response.into_body(), limits::ANSWER).collect().await;
                let bytes = bytes.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                return Err(refused(status, &bytes));
            }
            let (body, buffer) = (response.into_body(), BytesMut::new());
            Ok(Events { request: request.clone(), body, buffer, _connection: sender, kind: std::marker::PhantomData })
        };
        within(&request, answer).await
    }

    /// Opens a stream to a port of a pod, on a connection of its own.
    ///
    /// # Errors
    /// As [`Api::request`]. That nobody listens on the port shows only at the first read.
    pub async fn port_forward(&self, namespace: &str, pod: &str, port: u16) -> Result<PortForward, ApiError> {
        self.port_forward_by(&Protocol::ALL, namespace, pod, port).await
    }

    /// The same by one of these protocols; the server chooses.
    ///
    /// # Errors
    /// As [`Api::port_forward`].
    pub async fn port_forward_by(
        &self,
        protocols: &[Protocol],
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<PortForward, ApiError> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}");
        let request = format!("GET {path}");
        within(&request, self.upgrade(&path, &request, protocols, port)).await
    }

    async fn upgrade(
        &self,
        path: &str,
        name: &str,
        protocols: &[Protocol],
        port: u16,
    ) -> Result<PortForward, ApiError> {
        let broken = |reason: &str| ApiError::Broken { request: name.to_owned(), reason: reason.to_owned() };
        let mut nonce = [0; 16];
        SystemRandom::new().fill(&mut nonce).map_err(|_| broken("the system has no random numbers"))?;
        let key = BASE64_STANDARD.encode(nonce);
        let names = protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ");
        let mut request = self.head(Method::GET, path)?;
        let headers = request.headers_mut();
        // What is asked for is no object.
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, names.parse().expect("names of protocols"));
        headers.insert(header::SEC_WEBSOCKET_KEY, key.parse().expect("base64 is a header's value"));

        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error.to_string()))?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let bytes = Limited::new(response.into_body(), limits::ANSWER).collect().await;
            return Err(refused(status, &bytes.map(http_body_util::Collected::to_bytes).unwrap_or_default()));
        }
        let said = |name: HeaderName| response.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        if said(header::SEC_WEBSOCKET_ACCEPT) != accept(&key).as_bytes() {
            return Err(broken("what it upgrades to is not the WebSocket that was asked for"));
        }
        let chosen = said(header::SEC_WEBSOCKET_PROTOCOL);
        let Some(protocol) = protocols.iter().find(|protocol| protocol.name().as_bytes() == chosen) else {
            return Err(broken(&format!("it speaks none of {names}")));
        };
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| broken(&error.to_string()))?;
        let parts = upgraded
            .downcast::<TokioIo<Box<dyn Stream>>>()
            .map_err(|_| broken("the connection is not the one that was dialled"))?;
        Ok(PortForward::new(parts.io.into_inner(), &parts.read_buf, *protocol, port))
    }

    /// Sends over the kept connection, or over a new one if that is gone.
    async fn send(&self, method: Method, path: &str, body: Option<Body>) -> Result<Response<Incoming>, ApiError> {
        let mut kept = self.0.kept.lock().await;
        let mut sender = match kept.take() {
            Some(sender) if !sender.is_closed() && !sender.is_ready() => self.connect().await?,
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let response = self.send_over(&mut sender, method, path, body).await?;
        *kept = Some(sender);
        Ok(response)
    }

    async fn send_over(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<Response<Incoming>, ApiError> {
        let name = format!("{method} {path}");
        let mut request = self.head(method, path)?;
        if let Some(body) = body {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(body.content_type));
            *request.body_mut() = Full::new(body.bytes.into());
        }
        let response = sender.send_request(request).await;
        response.map_err(|error| ApiError::Broken { request: name, reason: error.to_string() })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ApiError> {
        let stream = self.0.route.dial().await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ApiError::Unreachable { address: self.address(), reason: error.to_string() })?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "connection to the API server ended");
            }
        });
        Ok(sender)
    }

    fn head(&self, method: Method, path: &str) -> Result<Request<Full<Bytes>>, ApiError> {
        let uri = format!("{}{path}", self.0.route.prefix);
        let request = Request::builder().method(method).uri(uri).body(Full::default());
        let mut request =
            request.map_err(|error| ApiError::Malformed(format!("{path} cannot be asked for: {error}")))?;
        *request.headers_mut() = self.0.headers.clone();
        Ok(request)
    }
}

/// The events of a watch.
pub struct Events<T> {
    request: String,
    body: Incoming,
    buffer: BytesMut,
    _connection: SendRequest<Full<Bytes>>,
    kind: std::marker::PhantomData<T>,
}

impl<T: DeserializeOwned> Events<T> {
    /// The next one; `None` when the server ends the watch, as it does now and then.
    ///
    /// # Errors
    /// [`ApiError::Broken`].
    pub async fn next(&mut self) -> Result<Option<T>, ApiError> {
        let request = self.request.clone();
        let broken = |reason: String| ApiError::Broken { request: request.clone(), reason };
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                return serde_json::from_slice(&line).map(Some).map_err(|error| broken(error.to_string()));
            }
            if self.buffer.len() > limits::EVENT {
                return Err(broken("an event is too long".to_owned()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(broken(error.to_string())),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.buffer.extend_from_slice(&bytes);
                    }
                }
            }
        }
    }
}

/// What every request says of the user.
fn headers(access: &Access) -> Result<HeaderMap, ApiError> {
    let malformed = |what: &str| ApiError::Malformed(format!("{what} cannot stand in a header"));
    let mut headers = HeaderMap::new();
    let host = Route::new(access)?.authority();
    headers.insert(header::HOST, host.parse().map_err(|_| malformed("the server's name"))?);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hawser/", env!("CARGO_PKG_VERSION"))));
    // The rest is for logs, which are text.
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
    let authorization = match &access.credential {
        Credential::Token(token) => Some(format!("Bearer {token}")),
        Credential::Basic { user, password } => {
            Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
        }
        Credential::None | Credential::Certificate { .. } => None,
    };
    if let Some(value) = authorization {
        let mut value: HeaderValue = value.parse().map_err(|_| malformed("the token"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(other) = &access.impersonation {
        let mut say = |name: &str, value: &str| -> Result<(), ApiError> {
            let name: HeaderName = name.parse().map_err(|_| malformed(&format!("{name:?}")))?;
            headers.append(name, value.parse().map_err(|_| malformed(&format!("{value:?}")))?);
            Ok(())
        };
        say("impersonate-user", &other.user)?;
        if let Some(uid) = &other.uid {
            say("impersonate-uid", uid)?;
        }
        for group in &other.groups {
            say("impersonate-group", group)?;
        }
        for (key, value) in other.extra.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value))) {
            say(&format!("impersonate-extra-{key}"), value)?;
        }
    }
    Ok(headers)
}

/// The answer to a WebSocket's key (RFC 6455, section 4.2.2).
fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

fn refused(status: StatusCode, body: &[u8]) -> ApiError {
    let said: Status = serde_json::from_slice(body).unwrap_or_default();
    let message = match said.message.is_empty() {
        false => said.message,
        true => status.canonical_reason().unwrap_or("the API server refused").to_owned(),
    };
    ApiError::Refused { status: status.as_u16(), reason: said.reason, message }
}

async fn within<T>(request: &str, answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    match tokio::time::timeout(limits::REQUEST, answer).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ApiError::Silent { request: request.to_owned(), seconds: limits::REQUEST.as_secs() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Impersonation, Server};

    fn access(url: &str, credential: Credential) -> Access {
        let server = Server {
            url: url.to_owned(),
            certificate_authority: None,
            tls_server_name: None,
            insecure_skip_tls_verify: true,
            proxy: None,
        };
        Access { server, credential, impersonation: None }
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn urls_that_cannot_be_used() {
        for url in ["", "host", "ftp://host", "https://", "https://a b", "https://host:99999"] {
            let made = Api::new(&access(url, Credential::None)).map(|_| ());
            assert!(matches!(made, Err(ApiError::Malformed(_))), "{url}: {made:?}");
        }
        for (url, authority) in [
            ("https://host", "host:443"),
            ("http://host/", "host:80"),
            ("https://[fd00::1]:6443/k8s/c-1", "[fd00::1]:6443"),
            ("https://10.0.0.1:8443", "10.0.0.1:8443"),
        ] {
            assert_eq!(Api::new(&access(url, Credential::None)).unwrap().address(), authority);
        }
    }

    #[test]
    fn who_asks_is_in_the_headers() {
        let mut access = access("https://host", Credential::Token("abc".to_owned()));
        access.impersonation = Some(Impersonation {
            user: "ann".to_owned(),
            uid: None,
            groups: vec!["one".to_owned(), "two".to_owned()],
            extra: [("scopes".to_owned(), vec!["view".to_owned()])].into(),
        });
        let headers = headers(&access).unwrap();
        assert_eq!(headers["authorization"], "Bearer abc");
        assert_eq!(headers["impersonate-user"], "ann");
        assert_eq!(headers.get_all("impersonate-group").iter().count(), 2);
        assert_eq!(headers["impersonate-extra-scopes"], "view");
        assert!(!format!("{headers:?}{access:?}").contains("abc"));
        access.credential = Credential::Token("a\nb".to_owned());
        assert!(matches!(Api::new(&access), Err(ApiError::Malformed(_))));
    }

    #[test]
    fn a_refusal_says_what_kubernetes_said() {
        let body = br#"{"kind":"Status","message":"sessions is forbidden","reason":"Forbidden","code":403}"#;
        let error = refused(StatusCode::FORBIDDEN, body);
        assert_eq!(error.to_string(), "sessions is forbidden (HTTP 403)");
        assert_eq!(refused(StatusCode::BAD_GATEWAY, b"<html>").to_string(), "Bad Gateway (HTTP 502)");
    }
}
