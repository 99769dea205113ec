//! A stand-in for what shows notifications (freedesktop.org, Desktop Notifications Specification 1.2).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use zbus::blocking::{Connection, connection::Builder};
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

use crate::Session;

/// Shows nothing, and remembers everything.
pub struct Notifications {
    bus: Connection,
    shown: Arc<Mutex<Vec<Shown>>>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its number.
    pub id: u32,
    /// Whether it took the place of another one.
    pub replaced: bool,
    /// One line.
    pub title: String,
    /// The rest, as markup.
    pub body: String,
    /// Keys and words.
    pub actions: Vec<(String, String)>,
}

impl Notifications {
    /// Takes the name that programs send notifications to.
    ///
    /// # Errors
    /// When somebody has it.
    pub fn start(session: &Session) -> Result<Self> {
        let shown = Arc::default();
        let served = Served { shown: Arc::clone(&shown), last: 0 };
        let bus = Builder::address(session.bus())?
            .serve_at("/org/freedesktop/Notifications", served)?
            .name("org.freedesktop.Notifications")?
            .build()?;
        Ok(Self { bus, shown })
    }

    /// All that came, the last at the end.
    pub fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Presses a button.
    ///
    /// # Errors
    /// Of the bus.
    pub fn press(&self, id: u32, key: &str) -> Result<()> {
        let path = "/org/freedesktop/Notifications";
        Ok(self.bus.emit_signal(None::<&str>, path, "org.freedesktop.Notifications", "ActionInvoked", &(id, key))?)
    }

    /// Goes away, as when a desktop's shell is restarted.
    ///
    /// # Errors
    /// Of the bus.
    pub fn stop(self) -> Result<()> {
        Ok(self.bus.close()?)
    }
}

struct Served {
    shown: Arc<Mutex<Vec<Shown>>>,
    last: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Served {
    #[allow(clippy::too_many_arguments)]
    fn notify(
        &mut self,
        _app_name: &str,
        replaces_id: u32,
        _app_icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let replaced = replaces_id != 0;
        if !replaced {
            self.last += 1;
        }
        let id = if replaced { replaces_id } else { self.last };
        let actions = actions.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let shown = Shown { id, replaced, title: summary, body, actions };
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
        id
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        Self::notification_closed(&emitter, id, 3).await?;
        Ok(())
    }

    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup"].map(str::to_owned).to_vec()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let [name, vendor, version, specification] = ["hawser-desktop", "Hawser", "1", "1.2"].map(str::to_owned);
        (name, vendor, version, specification)
    }

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
