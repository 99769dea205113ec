//! The tray: a StatusNotifierItem (freedesktop.org) that waits for a host, and for one that comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use hawser_controller::{Handle, Item, Shape, Tray, TrayAct};
use ksni::blocking::{Handle as ItemHandle, TrayMethods as _};
use ksni::menu::{StandardItem, SubMenu};
use ksni::{Icon, MenuItem, OfflineReason, Status, ToolTip};

use super::icons;
use crate::tray::{Hosting, TrayHost};

/// How long to wait for a session bus before it's tried again.
const NO_BUS: Duration = Duration::from_secs(30);

/// A thread that keeps the item; the last tray that is wanted lies in a slot.
pub(crate) struct Host {
    wanted: Arc<Mutex<Option<Tray>>>,
    wake: SyncSender<()>,
}

impl Host {
    /// Needs no host to begin with; `handle` hears what is pressed.
    pub(crate) fn new(handle: Handle, hosting: Hosting) -> Self {
        let wanted = Arc::default();
        let (wake, woken) = sync_channel(1);
        thread::spawn({
            let keeper = Keeper { wanted: Arc::clone(&wanted), hosting, handle };
            move || keeper.run(&woken)
        });
        Self { wanted, wake }
    }
}

impl TrayHost for Host {
    fn show(&mut self, tray: &Tray) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(tray.clone());
        // A full channel means that the thread is about to look anyway.
        if let Err(TrySendError::Disconnected(())) = self.wake.try_send(()) {
            tracing::warn!("the tray's thread has ended");
        }
    }
}

struct Keeper {
    wanted: Arc<Mutex<Option<Tray>>>,
    hosting: Hosting,
    handle: Handle,
}

impl Keeper {
    fn run(self, woken: &Receiver<()>) {
        let mut item: Option<ItemHandle<StatusItem>> = None;
        let mut wait = None;
        loop {
            match wait {
                None if woken.recv().is_err() => return,
                Some(limit) if woken.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected) => return,
                _ => {}
            }
            let Some(tray) = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone() else { continue };
            let shown = item.as_ref().and_then(|item| item.update(|item| item.tray = tray.clone()));
            if shown.is_none() {
                item = self.register(tray);
            }
            wait = item.is_none().then_some(NO_BUS);
        }
    }

    /// `None` without a session bus.
    fn register(&self, tray: Tray) -> Option<ItemHandle<StatusItem>> {
        let offline = Arc::new(AtomicBool::new(false));
        let (handle, hosting) = (self.handle.clone(), self.hosting.clone());
        let item = StatusItem { tray, handle, hosting, offline: Arc::clone(&offline), dark: icons::panel_is_dark() };
        match item.assume_sni_available(true).spawn() {
            Ok(item) => {
                if !offline.load(Ordering::Relaxed) {
                    self.hosting.tell(true);
                }
                Some(item)
            }
            Err(error) => {
                tracing::info!(%error, "no tray");
                self.hosting.tell(false);
                None
            }
        }
    }
}

struct StatusItem {
    tray: Tray,
    handle: Handle,
    hosting: Hosting,
    /// Whether a host was missing when this item began, or later.
    offline: Arc<AtomicBool>,
    dark: bool,
}

impl ksni::Tray for StatusItem {
    fn id(&self) -> String {
        "hawser".to_owned()
    }

    fn title(&self) -> String {
        "Hawser".to_owned()
    }

    fn status(&self) -> Status {
        match self.tray.shape {
            Shape::Missing | Shape::Attention => Status::NeedsAttention,
            Shape::Off | Shape::Working | Shape::On | Shape::Intercepting => Status::Active,
        }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        icons::pixmaps(self.tray.shape, self.dark)
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        self.icon_pixmap()
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: self.tray.tooltip.clone(), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.handle.pressed(TrayAct::Open(self.tray.screen));
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.tray.menu.iter().map(menu_item).collect()
    }

    fn watcher_online(&self) {
        self.hosting.tell(true);
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        tracing::info!(?reason, "no tray host");
        self.offline.store(true, Ordering::Relaxed);
        self.hosting.tell(false);
        true
    }
}

fn menu_item(item: &Item) -> MenuItem<StatusItem> {
    match item {
        Item::Line => MenuItem::Separator,
        Item::Words(words) => StandardItem { label: label(words), enabled: false, ..Default::default() }.into(),
        Item::Press { label: words, act, enabled } => {
            let act = act.clone();
            StandardItem {
                label: label(words),
                enabled: *enabled,
                activate: Box::new(move |item: &mut StatusItem| item.handle.pressed(act.clone())),
                ..Default::default()
            }
            .into()
        }
        Item::Sub { label: words, items } => {
            SubMenu { label: label(words), submenu: items.iter().map(menu_item).collect(), ..Default::default() }.into()
        }
    }
}

/// A single underscore would mark an access key.
fn label(words: &str) -> String {
    words.replace('_', "__")
}
