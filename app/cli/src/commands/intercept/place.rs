//! Which intercept it is, and its end.

use std::time::{Duration, Instant};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, InterceptRequest, InterceptState, LeaveRequest, Snapshot};
use hawser_ipc::{from_status, socket_path};
use tokio::time::sleep;

use super::{FAREWELL, LOOK_AGAIN};
use crate::commands::own_uid;
use crate::output;

/// How long a helper is looked for that is to hear of the end.
const RESTART: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(super) struct Place {
    pub(super) connection: String,
    pub(super) name: String,
}

impl Place {
    /// Of what is asked for.
    pub(super) fn of(request: &InterceptRequest) -> Self {
        let name = if request.name.is_empty() { &request.workload } else { &request.name };
        Self { connection: request.connection.clone(), name: name.clone() }
    }

    /// The connection that it goes over.
    pub(super) fn connection<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Connection> {
        let own = |known: &&Connection| known.owner == own_uid() && known.name == self.connection;
        snapshot.connections.iter().find(own)
    }

    /// The intercept itself, in its connection.
    pub(super) fn intercept<'a>(&self, connection: &'a Connection) -> Option<&'a InterceptState> {
        connection.intercepts.iter().find(|known| known.name == self.name)
    }

    /// Ends it; one that is gone already is no error. A helper that is being restarted is waited for.
    pub(super) async fn leave(&self) -> Result<(), Fault> {
        let began = Instant::now();
        loop {
            let Err(fault) = self.try_to_leave().await else { return Ok(()) };
            match fault.code {
                Code::InterceptUnknown => return Ok(()),
                // A helper that ends says so too, though the next one goes on with it.
                Code::NotConnected if began.elapsed() >= FAREWELL => return Ok(()),
                Code::NotConnected => {}
                Code::HelperUnreachable if began.elapsed() < RESTART => {}
                _ => return Err(fault),
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends it on the way out: what comes of that is told besides what the command ends with.
    pub(super) async fn leave_at_last(&self) {
        if let Err(fault) = self.leave().await {
            // Nothing is left to tell anybody if even this can't be written.
            let _ = output::fault::report(&fault, false);
        }
    }

    async fn try_to_leave(&self) -> Result<(), Fault> {
        let request = LeaveRequest { connection: self.connection.clone(), name: self.name.clone() };
        let mut helper = hawser_ipc::connect(&socket_path()).await?;
        helper.leave(request).await.map_err(|status| from_status(&status))?;
        Ok(())
    }
}
