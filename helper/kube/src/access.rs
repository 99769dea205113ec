//! Where an API server is, and who somebody is to it.

use std::collections::BTreeMap;
use std::fmt;

/// A user at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where.
    pub server: Server,
    /// By what the server knows the user.
    pub credential: Credential,
    /// Who the user acts as, if not as themselves.
    pub impersonation: Option<Impersonation>,
}

/// Where an API server is and how to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `https://host:port/prefix`; `http://` only if somebody wrote so.
    pub url: String,
    /// PEM; the system's authorities if there is none.
    pub certificate_authority: Option<Vec<u8>>,
    /// The name in the server's certificate if it is not the host of the URL.
    pub tls_server_name: Option<String>,
    /// Take any certificate.
    pub insecure_skip_tls_verify: bool,
    /// What to go through.
    pub proxy: Option<Proxy>,
}

/// A proxy on the way to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// CONNECT (RFC 9110, section 9.3.6) in clear.
    Http,
    /// CONNECT inside TLS.
    Https,
    /// SOCKS version 5 (RFC 1928); names are resolved by the proxy.
    Socks5,
}

/// By what a server knows a user.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// By nothing.
    None,
    /// A bearer token.
    Token(String),
    /// A user name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A client certificate.
    Certificate {
        /// PEM, the user's own first.
        chain: Vec<u8>,
        /// PEM.
        key: Vec<u8>,
    },
}

/// Somebody else to act as (Kubernetes: user impersonation).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// Their name.
    pub user: String,
    /// Their unique id.
    pub uid: Option<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// What else is known of them.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(***)",
            Self::Basic { .. } => "Basic(***)",
            Self::Certificate { .. } => "Certificate(***)",
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}:{}", self.kind, self.host, self.port)
    }
}
