//! From a server's URL to an open connection: name, TCP, proxy, TLS.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_socks::tcp::Socks5Stream;

use crate::access::{Access, Proxy, ProxyKind};
use crate::error::ApiError;
use crate::{limits, tls};

/// An open connection, whatever it goes through.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Everything that is needed to dial, parsed once.
pub struct Route {
    host: String,
    port: u16,
    /// What comes before the paths of the API.
    pub prefix: String,
    proxy: Option<Proxy>,
    /// `None` for a server that is spoken to in clear.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Route {
    /// The way to this server as this user.
    pub fn new(access: &Access) -> Result<Self, ApiError> {
        let server = &access.server;
        let malformed = |why: &str| ApiError::Malformed(format!("the server's URL {:?} {why}", server.url));
        let url: http::Uri = server.url.parse().map_err(|_| malformed("is malformed"))?;
        let encrypted = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(malformed("is neither https nor http")),
        };
        let host = url
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| malformed("has no host"))?
            .trim_matches(['[', ']'])
            .to_owned();
        let explicit =
            url.authority().is_some_and(|authority| !authority.as_str().ends_with(url.host().unwrap_or_default()));
        let port = match url.port_u16() {
            Some(port) => port,
            None if explicit => return Err(malformed("has a port that is none")),
            None if encrypted => 443,
            None => 80,
        };
        let tls = match encrypted {
            false => None,
            true => {
                let config = tls::for_server(server, &access.credential).map_err(ApiError::Malformed)?;
                let name = server.tls_server_name.clone().unwrap_or_else(|| host.clone());
                let name =
                    ServerName::try_from(name).map_err(|_| malformed("has a host that no certificate can name"))?;
                Some((Arc::new(config), name))
            }
        };
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self { host, port, prefix, proxy: server.proxy.clone(), tls })
    }

    /// Host and port, for people and for the `Host` header.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }

    /// Opens a connection within [`limits::DIAL`].
    pub async fn dial(&self) -> Result<Box<dyn Stream>, ApiError> {
        match tokio::time::timeout(limits::DIAL, self.dial_unbounded()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let reason = format!("no answer within {} s", limits::DIAL.as_secs());
                Err(ApiError::Unreachable { address: self.authority(), reason })
            }
        }
    }

    async fn dial_unbounded(&self) -> Result<Box<dyn Stream>, ApiError> {
        let stream = match &self.proxy {
            None => Box::new(tcp(&self.host, self.port).await?),
            Some(proxy) => self.through(proxy).await?,
        };
        match &self.tls {
            None => Ok(stream),
            Some((config, name)) => encrypt(stream, config.clone(), name.clone(), &self.authority()).await,
        }
    }

    async fn through(&self, proxy: &Proxy) -> Result<Box<dyn Stream>, ApiError> {
        let address = authority(&proxy.host, proxy.port);
        let refused = |reason: String| ApiError::Proxy { address: address.clone(), reason };
        let stream: Box<dyn Stream> = Box::new(tcp(&proxy.host, proxy.port).await?);
        match proxy.kind {
            ProxyKind::Http => connect(stream, &self.authority(), proxy).await.map_err(refused),
            ProxyKind::Https => {
                let config = tls::for_proxy().map_err(refused)?;
                let name = ServerName::try_from(proxy.host.clone())
                    .map_err(|_| refused("no certificate can name it".to_owned()))?;
                let stream = encrypt(stream, Arc::new(config), name, &address).await?;
                connect(stream, &self.authority(), proxy).await.map_err(refused)
            }
            ProxyKind::Socks5 => {
                let target = (self.host.as_str(), self.port);
                let connected = match &proxy.login {
                    None => Socks5Stream::connect_with_socket(stream, target).await,
                    Some((user, password)) => {
                        Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
                    }
                };
                Ok(Box::new(connected.map_err(|error| refused(error.to_string()))?))
            }
        }
    }
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, ApiError> {
    let unreachable =
        |error: std::io::Error| ApiError::Unreachable { address: authority(host, port), reason: error.to_string() };
    let stream = TcpStream::connect((host, port)).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    socket2::SockRef::from(&stream).set_tcp_notsent_lowat(limits::UNSENT_IN_KERNEL).map_err(unreachable)?;
    Ok(stream)
}

async fn encrypt(
    stream: Box<dyn Stream>,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    address: &str,
) -> Result<Box<dyn Stream>, ApiError> {
    let stream = BufReader::with_capacity(limits::READ_BUFFER, stream);
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => {
            let (address, reason) = (address.to_owned(), error.to_string());
            // A server that ends in the middle of the handshake says nothing of its certificate.
            let by_tls = error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>());
            Err(if by_tls { ApiError::Tls { address, reason } } else { ApiError::Unreachable { address, reason } })
        }
    }
}

/// Asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6).
async fn connect(stream: Box<dyn Stream>, target: &str, proxy: &Proxy) -> Result<Box<dyn Stream>, String> {
    let (mut requests, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection.with_upgrades());
    let mut request = http::Request::connect(target).header(http::header::HOST, target);
    if let Some((user, password)) = &proxy.login {
        let login = BASE64_STANDARD.encode(format!("{user}:{password}"));
        request = request.header(http::header::PROXY_AUTHORIZATION, format!("Basic {login}"));
    }
    let request = request.body(Empty::<bytes::Bytes>::new()).map_err(|error| error.to_string())?;
    let response = requests.send_request(request).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("it answers {}", response.status()));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| error.to_string())?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::access::{Credential, Server};

    /// What comes of dialling a server that reads the first of a handshake and then says this.
    async fn dialled(answer: &[u8]) -> ApiError {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            url: format!("https://{}", listener.local_addr().unwrap()),
            certificate_authority: None,
            tls_server_name: None,
            insecure_skip_tls_verify: true,
            proxy: None,
        };
        let route = Route::new(&Access { server, credential: Credential::None, impersonation: None }).unwrap();
        let serve = async {
            let mut stream = listener.accept().await.unwrap().0;
            stream.read_u8().await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(route.dial(), serve);
        outcome.err().unwrap()
    }

    #[tokio::test]
    async fn a_server_that_ends_in_a_handshake_is_not_distrusted() {
        // Bytes of the client's are left unread, so this end is a reset.
        assert!(matches!(dialled(b"").await, ApiError::Unreachable { .. }));
        assert!(matches!(dialled(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, ApiError::Tls { .. }));
    }
}
