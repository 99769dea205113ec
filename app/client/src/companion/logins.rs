//! What the user has logged in with, by the names of connections: in memory, and kept for the next start.

use std::collections::HashMap;

use hawser_fault::Fault;
use parking_lot::Mutex;

use crate::kubeconfig::{Access, Credential};
use crate::secrets::{Kept, Login, Secrets};

/// All logins.
pub(super) struct Logins {
    memory: Mutex<HashMap<String, Login>>,
    secrets: Secrets,
}

impl Logins {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { memory: Mutex::default(), secrets }
    }

    /// What the user has logged in with for this access, if that still holds. What is kept is looked at only if nothing better is
    /// known.
    pub(super) async fn of(&self, connection: &str, access: &Access) -> Option<Credential> {
        let known = self.memory.lock().get(connection).cloned();
        if let Some(login) = known.filter(|login| login.is_for(access) && login.holds()) {
            return Some(login.credential);
        }
        let login = self.secrets.recall(connection).await?;
        if !login.holds() {
            // Where it can't be forgotten now it does no harm.
            let _ = self.secrets.forget(connection).await;
            return None;
        }
        if !login.is_for(access) {
            return None;
        }
        self.remember(connection, login.clone());
        Some(login.credential)
    }

    /// From now on this is what the user has logged in with.
    pub(super) fn remember(&self, connection: &str, login: Login) {
        self.memory.lock().insert(connection.to_owned(), login);
    }

    /// Keeps what is remembered for the next start.
    pub(super) async fn keep(&self, connection: &str) -> Result<(), Fault> {
        let login = self.memory.lock().get(connection).cloned();
        match login {
            Some(login) => self.secrets.keep(connection, &login).await,
            None => Ok(()),
        }
    }

    /// What is kept, and where.
    pub(super) async fn kept(&self) -> Kept {
        self.secrets.kept().await
    }

    /// Forgets logins, whatever of it is where.
    pub(super) async fn forget(&self, connections: &[String]) -> Result<(), Fault> {
        let mut outcome = Ok(());
        for connection in connections {
            self.memory.lock().remove(connection);
            outcome = self.secrets.forget(connection).await.and(outcome);
        }
        outcome
    }

    /// Has the user unlock the keyring.
    pub(super) async fn unlock(&self) -> Result<(), Fault> {
        self.secrets.unlock().await
    }
}
