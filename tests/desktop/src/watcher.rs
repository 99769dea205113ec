//! A stand-in for the desktop's tray (freedesktop.org, StatusNotifierWatcher).

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use zbus::blocking::{Connection, connection::Builder};
use zbus::interface;

use crate::{Item, Session, until};

/// A tray, until it is dropped.
pub struct Watcher {
    bus: Connection,
    registered: Arc<Mutex<Vec<String>>>,
}

impl Watcher {
    /// Takes the name that icons look for.
    ///
    /// # Errors
    /// When there is one already.
    pub fn start(session: &Session) -> Result<Self> {
        let registered = Arc::default();
        let served = Served { registered: Arc::clone(&registered) };
        let bus = Builder::address(session.bus())?
            .serve_at("/StatusNotifierWatcher", served)?
            .name("org.kde.StatusNotifierWatcher")?
            .build()?;
        Ok(Self { bus, registered })
    }

    /// The icon, as soon as one has registered.
    ///
    /// # Errors
    /// When none does.
    pub fn item(&self) -> Result<Item> {
        let name = until("an icon registers", || {
            Ok(self.registered.lock().unwrap_or_else(PoisonError::into_inner).last().cloned())
        })?;
        Item::new(&self.bus, &name)
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
    registered: Arc<Mutex<Vec<String>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Served {
    fn register_status_notifier_item(&self, service: &str) {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).push(service.to_owned());
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}
