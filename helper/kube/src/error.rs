//! What can go wrong with an API server.

use hawser_fault::{Code, Fault};

/// Why a request or a port-forward failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The URL or a header cannot be made of what was given.
    #[error("{0}")]
    Malformed(String),
    /// No connection.
    #[error("cannot reach {address}: {reason}")]
    Unreachable {
        /// Host and port of the server or of its proxy.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The proxy does not let us through.
    #[error("the proxy {address} does not connect to the API server: {reason}")]
    Proxy {
        /// Host and port.
        address: String,
        /// What it said.
        reason: String,
    },
    /// TLS with the server failed.
    #[error("no encrypted connection to {address}: {reason}")]
    Tls {
        /// Host and port.
        address: String,
        /// Why.
        reason: String,
    },
    /// The server said no.
    #[error("{message} (HTTP {status})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Kubernetes' word for it, for example `NotFound`; may be empty.
        reason: String,
        /// Its sentence.
        message: String,
    },
    /// The connection broke, or the answer made no sense.
    #[error("the API server's answer to {request} cannot be used: {reason}")]
    Broken {
        /// Method and path.
        request: String,
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("the API server did not answer {request} within {seconds} s")]
    Silent {
        /// Method and path.
        request: String,
        /// How long it was given.
        seconds: u64,
    },
}

impl ApiError {
    /// The HTTP status, if the server answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        let code = match &error {
            ApiError::Malformed(_) => Code::KubeconfigMalformed,
            ApiError::Unreachable { .. } | ApiError::Silent { .. } | ApiError::Broken { .. } => Code::ApiUnreachable,
            ApiError::Proxy { .. } => Code::ProxyRefused,
            ApiError::Tls { .. } => Code::ApiUntrusted,
            ApiError::Refused { status: 401, .. } => Code::LoginRequired,
            ApiError::Refused { status: 403, .. } => Code::RightsMissing,
            ApiError::Refused { .. } => Code::ApiRefused,
        };
        Fault::new(code, error.to_string())
    }
}
