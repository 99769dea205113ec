//! The system's keyring (freedesktop.org, Secret Service API), over the session bus.
//!
//! Each call opens it anew: a keyring can end, begin and be locked at any time, and is needed seldom. Nothing here asks its user
//! but [`Service::unlock`].

use std::collections::HashMap;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use secret_service::{EncryptionType, Error, SecretService};
use tokio::time::timeout;
use zbus::connection::Builder;

use super::limits;

/// What all our items have, and what each has of its own.
const OURS: (&str, &str) = ("application", "hawser");
const CONNECTION: &str = "connection";

/// The keyring at a bus.
pub(super) struct Service {
    /// Its address; without one that of this process's session.
    pub(super) bus: Option<String>,
}

impl Service {
    /// Whether it is there and open.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        within(limits::ANSWER, async {
            let keyring = self.open().await?;
            let default = keyring.get_default_collection().await?;
            default.ensure_unlocked().await
        })
        .await
    }

    /// What it has of this connection.
    pub(super) async fn get(&self, connection: &str) -> Result<Option<Vec<u8>>, Fault> {
        within(limits::ANSWER, async {
            let keyring = self.open().await?;
            let found = keyring.search_items([OURS, (CONNECTION, connection)].into()).await?;
            match (found.unlocked.first(), found.locked.first()) {
                (Some(item), _) => item.get_secret().await.map(Some),
                (None, Some(_)) => Err(Error::Locked),
                (None, None) => Ok(None),
            }
        })
        .await
    }

    /// Keeps this of the connection.
    pub(super) async fn put(&self, connection: &str, secret: &[u8]) -> Result<(), Fault> {
        within(limits::ANSWER, async {
            let keyring = self.open().await?;
            let default = keyring.get_default_collection().await?;
            default.ensure_unlocked().await?;
            let label = format!("Hawser: login of {connection}");
            let attributes = HashMap::from([OURS, (CONNECTION, connection)]);
            default.create_item(&label, attributes, secret, true, "application/json").await.map(drop)
        })
        .await
    }

    /// Forgets what it has of the connection.
    pub(super) async fn remove(&self, connection: &str) -> Result<(), Fault> {
        within(limits::ANSWER, async {
            let keyring = self.open().await?;
            let found = keyring.search_items([OURS, (CONNECTION, connection)].into()).await?;
            for item in &found.unlocked {
                item.delete().await?;
            }
            if found.locked.is_empty() { Ok(()) } else { Err(Error::Locked) }
        })
        .await
    }

    /// The connections that it has something of; it tells them even if it is locked.
    pub(super) async fn names(&self) -> Result<Vec<String>, Fault> {
        within(limits::ANSWER, async {
            let keyring = self.open().await?;
            let found = keyring.search_items([OURS].into()).await?;
            let mut names = Vec::new();
            for item in found.unlocked.iter().chain(&found.locked).take(limits::LOGINS) {
                names.extend(item.get_attributes().await?.remove(CONNECTION));
            }
            Ok(names)
        })
        .await
    }

    /// Has its user unlock it.
    pub(super) async fn unlock(&self) -> Result<(), Fault> {
        within(limits::UNLOCK, async {
            let keyring = self.open().await?;
            let default = keyring.get_default_collection().await?;
            if default.is_locked().await? {
                default.unlock().await?;
            }
            default.ensure_unlocked().await
        })
        .await
    }

    async fn open(&self) -> Result<SecretService<'static>, Error> {
        let bus = match &self.bus {
            Some(address) => Builder::address(address.as_str())?,
            None => Builder::session()?,
        };
        SecretService::connect_with_existing(EncryptionType::Dh, bus.build().await?).await
    }
}

async fn within<T>(limit: Duration, calling: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
    match timeout(limit, calling).await {
        Ok(outcome) => outcome.map_err(|error| fault(&error)),
        Err(_) => Err(Fault::new(Code::KeyringAbsent, format!("the keyring did not answer within {limit:?}"))),
    }
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::Locked => Fault::new(Code::KeyringLocked, "the default keyring is locked"),
        Error::Prompt | Error::PromptDisconnected => {
            Fault::new(Code::KeyringLocked, "nobody unlocked the default keyring")
        }
        Error::NoResult => Fault::new(Code::KeyringAbsent, "the keyring's service has no default keyring"),
        Error::Unavailable => Fault::new(Code::KeyringAbsent, "no keyring's service is on this session's bus"),
        other => Fault::new(Code::KeyringAbsent, format!("the keyring cannot be used: {other}")),
    }
}
