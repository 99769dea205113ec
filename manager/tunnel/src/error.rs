//! What can go wrong with a link.

use std::time::Duration;

use hawser_fault::{Code, Fault};

use crate::frame::WireError;
use crate::identity::Pin;

/// Why there is no link, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No TCP connection.
    #[error("cannot reach {address}: {error}")]
    Unreachable {
        /// What was dialled.
        address: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The dial as a whole took too long.
    #[error("{address} did not answer within {} s", after.as_secs())]
    DialTimedOut {
        /// What was dialled.
        address: String,
        /// How long it was given.
        after: Duration,
    },
    /// The other side has another key than the pinned one.
    #[error("the other side's key has the pin {0}")]
    WrongPin(Pin),
    /// The other side refuses this side's key.
    #[error("the other side does not know the key of this one")]
    NotAdmitted,
    /// The other side hung up in the middle of the handshake.
    #[error("the other side hung up during the TLS handshake")]
    HungUp,
    /// Any other failed handshake.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// No protocol version in common.
    #[error(
        "the other side ({software}) speaks protocol versions {oldest} to {newest}, this one {} to {}",
        crate::OLDEST_PROTOCOL,
        crate::NEWEST_PROTOCOL
    )]
    Version {
        /// The other side's software.
        software: String,
        /// Its oldest version.
        oldest: u32,
        /// Its newest version.
        newest: u32,
    },
    /// The first exchange failed.
    #[error("the first exchange failed: {0}")]
    Hello(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// Nothing came for longer than the heartbeat allows.
    #[error("nothing was heard for {} s", crate::limits::SILENCE.as_secs())]
    Silent,
    /// The other side said that it goes away.
    #[error("the other side is shutting down")]
    GoingAway,
    /// The other side sent what the protocol does not know.
    #[error("the other side broke the protocol: {0}")]
    Wire(#[from] WireError),
}

impl From<LinkError> for Fault {
    fn from(error: LinkError) -> Self {
        let code = match &error {
            LinkError::Unreachable { .. } | LinkError::DialTimedOut { .. } => Code::ManagerUnreachable,
            LinkError::WrongPin(_) => Code::PinMismatch,
            LinkError::NotAdmitted => Code::ManagerRefused,
            LinkError::HungUp | LinkError::Tls(_) => Code::TlsFailed,
            LinkError::Version { .. } => Code::VersionMismatch,
            LinkError::Hello(_) | LinkError::Lost(_) => Code::LinkLost,
            LinkError::Silent => Code::LinkSilent,
            LinkError::GoingAway => Code::ManagerStopping,
            LinkError::Wire(_) => Code::ProtocolViolation,
        };
        Fault::new(code, error.to_string())
    }
}
