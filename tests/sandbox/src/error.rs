//! What can go wrong while a world is made.

use std::io;

use hawser_fault::{Code, Fault};

/// Why a world could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel, or who watches over it, refuses a namespace or a mount.
    #[error("{what}: {source}")]
    Unsupported {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// `/dev/net/tun` can't be opened or gives no device.
    #[error("{what}: {source}")]
    Tun {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A device, address or route of the world could not be set.
    #[error("{what}: {source}")]
    Network {
        /// What was tried, with the address or device.
        what: String,
        /// What the kernel said.
        source: rtnetlink::Error,
    },
    /// A file inside the world could not be written.
    #[error("{path} of the demo's world could not be written: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("{program} could not be started: {source}")]
    Start {
        /// Which program.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A signal asked for the end.
    #[error("stopped by {0}")]
    Interrupted(nix::sys::signal::Signal),
}

impl SandboxError {
    /// Makes the [`SandboxError::Unsupported`] of what was tried, for `map_err`.
    pub(crate) fn unsupported<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Unsupported { what, source: source.into() }
    }

    /// Makes the [`SandboxError::Tun`] of what was tried, for `map_err`.
    pub(crate) fn tun<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Tun { what, source: source.into() }
    }
}

impl From<SandboxError> for Fault {
    fn from(error: SandboxError) -> Self {
        let detail = error.to_string();
        match error {
            SandboxError::Unsupported { .. } | SandboxError::Network { .. } => {
                Fault::new(Code::DemoUnsupported, detail)
            }
            SandboxError::Tun { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Fault::new(Code::TunUnavailable, detail)
                    .with_fix("Run the demo as root, or let everybody open the device: sudo chmod 0666 /dev/net/tun")
            }
            SandboxError::Tun { .. } => Fault::new(Code::TunUnavailable, detail),
            SandboxError::Start { .. } => Fault::new(Code::BadArgument, detail)
                .with_fix("Check the name of the program, and that you may run it."),
            SandboxError::File { .. } | SandboxError::Interrupted(_) => Fault::new(Code::Internal, detail),
        }
    }
}
