//! Notifications of the desktop (freedesktop.org, Desktop Notifications Specification 1.2), over the session bus.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use hawser_controller::{Handle, Notice, NoticeAction, NoticeId};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::blocking::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName};
use zbus::proxy::CacheProperties;
use zbus::zvariant::Value;

/// How many may wait for a slow desktop; what comes on top is dropped.
const WAITING: usize = 32;
/// How long the desktop may take to answer.
const ANSWERS: Duration = Duration::from_secs(5);

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications",
    gen_async = false,
    gen_blocking = true
)]
trait Notifier {
    #[allow(clippy::too_many_arguments)]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;
    fn close_notification(&self, id: u32) -> zbus::Result<()>;
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;
    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action_key: String) -> zbus::Result<()>;
    #[zbus(signal)]
    fn notification_closed(&self, id: u32, reason: u32) -> zbus::Result<()>;
}

/// Shows notices and tells the controller what is pressed.
pub(crate) struct Notifications {
    jobs: SyncSender<Job>,
}

enum Job {
    Show(Notice),
    Withdraw(NoticeId),
}

/// What is on screen, by the desktop's number.
type Shown = Arc<Mutex<BTreeMap<u32, Notice>>>;

impl Notifications {
    /// Starts the thread that talks to the desktop. It asks the bus for nothing until there is a notice.
    pub(crate) fn new(handle: Handle) -> Self {
        let (jobs, received) = sync_channel(WAITING);
        thread::spawn(move || work(&received, &handle));
        Self { jobs }
    }

    /// Shows a notice, in place of an earlier one with the same id.
    pub(crate) fn show(&self, notice: &Notice) {
        self.ask(Job::Show(notice.clone()));
    }

    /// Takes a notice back.
    pub(crate) fn withdraw(&self, id: &NoticeId) {
        self.ask(Job::Withdraw(id.clone()));
    }

    fn ask(&self, job: Job) {
        if self.jobs.try_send(job).is_err() {
            tracing::warn!("the desktop takes no notifications");
        }
    }
}

fn work(jobs: &Receiver<Job>, handle: &Handle) {
    let mut desktop: Option<Desktop> = None;
    for job in jobs {
        // What another one has shown is not this one's to press or to take back.
        desktop = desktop.filter(Desktop::is_there);
        let done = match job {
            Job::Withdraw(id) => desktop.as_ref().map(|desktop| desktop.withdraw(&id)),
            Job::Show(notice) => {
                if desktop.is_none() {
                    let found = Desktop::find(handle).inspect_err(|error| tracing::info!(%error, "no notifications"));
                    desktop = found.ok();
                }
                desktop.as_ref().map(|desktop| desktop.show(notice))
            }
        };
        if let Some(Err(error)) = done {
            tracing::info!(%error, "a notification was not shown");
        }
    }
}

/// What shows notifications now, over a connection of its own that ends with this.
struct Desktop {
    proxy: NotifierProxy<'static>,
    owner: OwnedUniqueName,
    /// Whether bodies are markup.
    markup: bool,
    shown: Shown,
}

impl Desktop {
    /// It is started by this, where the bus can.
    fn find(handle: &Handle) -> zbus::Result<Self> {
        let bus = Builder::session()?.method_timeout(ANSWERS).build()?;
        let proxy = NotifierProxy::builder(&bus).cache_properties(CacheProperties::No).build()?;
        let (invoked, closed) = (proxy.receive_action_invoked()?, proxy.receive_notification_closed()?);
        let markup = proxy.get_capabilities()?.iter().any(|capability| capability == "body-markup");
        let desktop = Self { owner: owner(&bus)?, proxy, markup, shown: Shown::default() };
        thread::spawn({
            let (shown, handle) = (Arc::clone(&desktop.shown), handle.clone());
            move || {
                for signal in invoked {
                    let Ok(pressed) = signal.args() else { continue };
                    let answer = lock(&shown).get(&pressed.id).and_then(|notice| answered(notice, &pressed.action_key));
                    if let Some((id, action)) = answer {
                        handle.answered(id, action);
                    }
                }
            }
        });
        thread::spawn({
            let shown = Arc::clone(&desktop.shown);
            move || {
                for signal in closed {
                    if let Ok(gone) = signal.args() {
                        lock(&shown).remove(&gone.id);
                    }
                }
            }
        });
        Ok(desktop)
    }

    /// Neither the bus nor who shows notifications has gone since.
    fn is_there(&self) -> bool {
        owner(self.proxy.inner().connection()).is_ok_and(|owner| owner == self.owner)
    }

    fn show(&self, notice: Notice) -> zbus::Result<()> {
        let replaced = self.number_of(&notice.id);
        let body = if self.markup { escaped(&notice.body) } else { notice.body.clone() };
        let keys: Vec<String> = (0..notice.actions.len()).map(|index| index.to_string()).collect();
        let mut actions = Vec::new();
        if let Some((_, words)) = notice.actions.first() {
            actions.extend(["default", words.as_str()]);
        }
        for (key, (_, words)) in keys.iter().zip(&notice.actions) {
            actions.extend([key.as_str(), words.as_str()]);
        }
        let hints = HashMap::from([("desktop-entry", Value::from("io.hawser.Hawser"))]);
        let replaces = replaced.unwrap_or_default();
        let title = notice.title.as_str();
        let number = self.proxy.notify("Hawser", replaces, "io.hawser.Hawser", title, &body, &actions, hints, -1)?;
        let mut shown = lock(&self.shown);
        if let Some(replaced) = replaced {
            shown.remove(&replaced);
        }
        shown.insert(number, notice);
        Ok(())
    }

    fn withdraw(&self, id: &NoticeId) -> zbus::Result<()> {
        let Some(number) = self.number_of(id) else { return Ok(()) };
        lock(&self.shown).remove(&number);
        self.proxy.close_notification(number)
    }

    fn number_of(&self, id: &NoticeId) -> Option<u32> {
        lock(&self.shown).iter().find_map(|(number, notice)| (notice.id == *id).then_some(*number))
    }
}

impl Drop for Desktop {
    /// Both threads end with the connection, which they would keep.
    fn drop(&mut self) {
        // The bus may be the one that went.
        let _ = self.proxy.inner().connection().clone().close();
    }
}

fn owner(bus: &Connection) -> zbus::Result<OwnedUniqueName> {
    let name = BusName::try_from("org.freedesktop.Notifications")?;
    Ok(DBusProxy::new(bus)?.get_name_owner(name)?)
}

/// What a press of a key means.
fn answered(notice: &Notice, key: &str) -> Option<(NoticeId, NoticeAction)> {
    let index = if key == "default" { 0 } else { key.parse().ok()? };
    let (action, _) = notice.actions.get::<usize>(index)?;
    Some((notice.id.clone(), action.clone()))
}

/// Names come from clusters, and a desktop may read markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn lock(shown: &Shown) -> std::sync::MutexGuard<'_, BTreeMap<u32, Notice>> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}
