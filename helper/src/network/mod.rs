//! Devices, addresses and routes, over rtnetlink(7).
//!
//! Nothing here needs an undo: all of it hangs on our own device and dies with the process that holds it.

mod device;
mod routes;
#[cfg(test)]
mod tests;

use hawser_fault::{Code, Fault};
use rtnetlink::Handle;

use crate::limits;

pub use routes::Route;

/// A netlink socket of the network namespace that the helper runs in.
#[derive(Clone, Debug)]
pub struct Network {
    handle: Handle,
}

impl Network {
    /// Opens the socket; its task ends with the last clone.
    ///
    /// # Errors
    /// `network-change`.
    pub fn open() -> Result<Self, Fault> {
        let (connection, handle, _) = rtnetlink::new_connection()
            .map_err(|error| Fault::new(Code::NetworkChange, format!("no netlink socket could be opened: {error}")))?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }
}

/// Waits for a change of the host, but not for ever; `what` completes "could not ...".
async fn change(what: String, work: impl Future<Output = Result<(), rtnetlink::Error>>) -> Result<(), Fault> {
    let reason = match tokio::time::timeout(limits::NETLINK, work).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => reason(&error),
        Err(_) => "the kernel did not answer".to_owned(),
    };
    Err(Fault::new(Code::NetworkChange, format!("could not {what}: {reason}")))
}

fn reason(error: &rtnetlink::Error) -> String {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io().to_string(),
        other => other.to_string(),
    }
}

/// Whether the kernel said this `errno`.
fn is_errno(error: &rtnetlink::Error, errno: i32) -> bool {
    matches!(error, rtnetlink::Error::NetlinkError(message) if message.raw_code() == -errno)
}
