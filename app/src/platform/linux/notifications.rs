//! Notifications of the desktop (freedesktop.org, Desktop Notifications Specification 1.2), over the session bus.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use hawser_controller::{Handle, Notice, NoticeAction, NoticeId};
use zbus::blocking::Connection;
use zbus::zvariant::Value;

/// How many may wait for a slow desktop; what comes on top is dropped.
const WAITING: usize = 32;

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications",
    gen_async = false,
    gen_blocking = true
)]
trait Desktop {
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
    let shown = Shown::default();
    let mut desktop = None;
    for job in jobs {
        if desktop.is_none() {
            desktop = connect(&shown, handle).inspect_err(|error| tracing::info!(%error, "no notifications")).ok();
        }
        let Some((proxy, markup)) = &desktop else { continue };
        let done = match job {
            Job::Show(notice) => show(proxy, *markup, &shown, notice),
            Job::Withdraw(id) => withdraw(proxy, &shown, &id),
        };
        if let Err(error) = done {
            tracing::info!(%error, "a notification was not shown");
            desktop = None;
        }
    }
}

/// Also says whether bodies are markup.
fn connect(shown: &Shown, handle: &Handle) -> zbus::Result<(DesktopProxy<'static>, bool)> {
    let bus = Connection::session()?;
    let proxy = DesktopProxy::builder(&bus).cache_properties(zbus::proxy::CacheProperties::No).build()?;
    let markup = proxy.get_capabilities()?.iter().any(|capability| capability == "body-markup");
    let (invoked, closed) = (proxy.receive_action_invoked()?, proxy.receive_notification_closed()?);
    thread::spawn({
        let (shown, handle) = (shown.clone(), handle.clone());
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
        let shown = shown.clone();
        move || {
            for signal in closed {
                if let Ok(gone) = signal.args() {
                    lock(&shown).remove(&gone.id);
                }
            }
        }
    });
    Ok((proxy, markup))
}

fn show(desktop: &DesktopProxy<'_>, markup: bool, shown: &Shown, notice: Notice) -> zbus::Result<()> {
    let replaced = number_of(shown, &notice.id);
    let body = if markup { escaped(&notice.body) } else { notice.body.clone() };
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
    let number = desktop.notify("Hawser", replaces, "io.hawser.Hawser", &notice.title, &body, &actions, hints, -1)?;
    let mut shown = lock(shown);
    if let Some(replaced) = replaced {
        shown.remove(&replaced);
    }
    shown.insert(number, notice);
    Ok(())
}

fn withdraw(desktop: &DesktopProxy<'_>, shown: &Shown, id: &NoticeId) -> zbus::Result<()> {
    let Some(number) = number_of(shown, id) else { return Ok(()) };
    lock(shown).remove(&number);
    desktop.close_notification(number)
}

fn number_of(shown: &Shown, id: &NoticeId) -> Option<u32> {
    lock(shown).iter().find_map(|(number, notice)| (notice.id == *id).then_some(*number))
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
