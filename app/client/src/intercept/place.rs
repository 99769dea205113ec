//! Which intercept it is, and its end.

use std::time::{Duration, Instant};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, InterceptRequest, InterceptState, LeaveRequest, Snapshot};
use hawser_ipc::{from_status, socket_path};
use tokio::time::sleep;

/// How long a helper that ends may still serve while its connections are gone: as long as the last of them takes.
pub const FAREWELL: Duration = Duration::from_secs(6);
/// How often a helper that is being restarted is looked for.
pub const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a helper is looked for that is to hear of the end.
const RESTART: Duration = Duration::from_secs(15);

/// Names an intercept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its connection.
    pub connection: String,
    /// Its own name.
    pub name: String,
}

impl Place {
    /// Of what is asked for.
    pub fn of(request: &InterceptRequest) -> Self {
        let name = if request.name.is_empty() { &request.workload } else { &request.name };
        Self { connection: request.connection.clone(), name: name.clone() }
    }

    /// The connection that it goes over.
    pub fn connection<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Connection> {
        let own = |known: &&Connection| known.owner == nix::unistd::geteuid().as_raw() && known.name == self.connection;
        snapshot.connections.iter().find(own)
    }

    /// The intercept itself, in its connection.
    pub fn intercept<'a>(&self, connection: &'a Connection) -> Option<&'a InterceptState> {
        connection.intercepts.iter().find(|known| known.name == self.name)
    }

    /// Ends it; one that is gone already is no error. A helper that is being restarted is waited for.
    ///
    /// # Errors
    /// Why it goes on.
    pub async fn leave(&self) -> Result<(), Fault> {
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

    async fn try_to_leave(&self) -> Result<(), Fault> {
        let request = LeaveRequest { connection: self.connection.clone(), name: self.name.clone() };
        let mut helper = hawser_ipc::connect(&socket_path()).await?;
        helper.leave(request).await.map_err(|status| from_status(&status))?;
        Ok(())
    }
}
