//! What is kept of the user's logins from one start to the next: in the system's keyring, and in a file of theirs for as long as
//! that is locked or absent.
//!
//! Nothing is opened before a login is looked for or has to be kept, nothing waits longer than [`limits`] says, and only
//! [`Secrets::unlock`] asks anybody anything.

mod file;
pub mod limits;
mod login;
mod service;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use hawser_fault::Fault;
use tokio::sync::Mutex;

use file::File;
pub use login::Login;
use service::Service;

/// Where logins are kept.
pub struct Secrets {
    service: Service,
    /// One call at a time, so that what is moved is in one place.
    file: Mutex<File>,
}

/// What is kept, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The connections whose logins are kept, in the order of names.
    pub connections: Vec<String>,
    /// Why the keyring takes nothing now, so that the file does.
    pub problem: Option<Fault>,
    /// Whether anything is in the file now.
    pub in_file: bool,
    /// The file.
    pub file: PathBuf,
}

impl Secrets {
    /// Those of the keyring at this bus, without an address that of this process's session, and of this file.
    pub fn new(bus: Option<String>, file: PathBuf) -> Self {
        Self { service: Service { bus }, file: Mutex::new(File(file)) }
    }

    /// What is kept of a connection.
    pub async fn recall(&self, connection: &str) -> Option<Login> {
        let file = self.file.lock().await;
        // What is in the file came when the keyring took nothing, so it is the newer one.
        if let Some(login) = file.all().remove(connection) {
            self.move_to_keyring(&file, connection, &login).await;
            return Some(login);
        }
        let secret = self.service.get(connection).await.ok()??;
        serde_json::from_slice(&secret).ok()
    }

    /// Keeps a login of a connection in place of the last one.
    ///
    /// # Errors
    /// `file-unwritable` if neither the keyring nor the file takes it.
    pub async fn keep(&self, connection: &str, login: &Login) -> Result<(), Fault> {
        let file = self.file.lock().await;
        if self.move_to_keyring(&file, connection, login).await { Ok(()) } else { file.put(connection, login) }
    }

    /// Forgets what is kept of a connection.
    ///
    /// # Errors
    /// `keyring-locked` if a locked keyring has something of it; `file-unwritable`.
    pub async fn forget(&self, connection: &str) -> Result<(), Fault> {
        let file = self.file.lock().await;
        file.remove(connection)?;
        match self.service.remove(connection).await {
            Err(fault) if fault.code == hawser_fault::Code::KeyringLocked => Err(fault),
            // Where there is no keyring nothing is in it.
            _ => Ok(()),
        }
    }

    /// What is kept, and where.
    pub async fn kept(&self) -> Kept {
        let file = self.file.lock().await;
        let problem = self.service.check().await.err();
        let names = self.service.names().await.unwrap_or_default();
        let in_file = file.all();
        let connections: BTreeSet<String> = names.into_iter().chain(in_file.keys().cloned()).collect();
        Kept {
            connections: connections.into_iter().collect(),
            problem,
            in_file: !in_file.is_empty(),
            file: file.0.clone(),
        }
    }

    /// Has the user unlock the keyring, and moves there what is in the file.
    ///
    /// # Errors
    /// `keyring-locked` if they don't, `keyring-absent`.
    pub async fn unlock(&self) -> Result<(), Fault> {
        // The user may take their time; logins are found meanwhile.
        self.service.unlock().await?;
        let file = self.file.lock().await;
        for (connection, login) in file.all() {
            self.move_to_keyring(&file, &connection, &login).await;
        }
        Ok(())
    }

    /// Whether the keyring took it.
    async fn move_to_keyring(&self, file: &File, connection: &str, login: &Login) -> bool {
        let Ok(secret) = serde_json::to_vec(login) else { return false };
        if secret.len() > limits::LOGIN || self.service.put(connection, &secret).await.is_err() {
            return false;
        }
        let _ = file.remove(connection);
        true
    }
}
