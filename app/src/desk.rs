//! The desktop as the controller sees it.

use std::path::{Path, PathBuf};

use hawser_controller::{Notice, NoticeId, Picked, Tray, Ui, Update, Window as Wanted};
use hawser_fault::Fault;
use tokio::sync::oneshot;

use crate::platform::{self, Notifications};
use crate::resident::Speaker;
use crate::tray::{Hosting, TrayHost as _};
use crate::window::Window;

/// Window, tray, notifications, and the rest of the desktop.
pub(crate) struct Desk {
    speaker: Speaker,
    window: Window,
    hosting: Hosting,
    tray: Option<platform::Tray>,
    notifications: Option<Notifications>,
}

impl Desk {
    /// Tray and notifications begin with the first thing that they have to show.
    pub(crate) fn new(speaker: Speaker, window: Window, hosting: Hosting) -> Self {
        Self { speaker, window, hosting, tray: None, notifications: None }
    }
}

impl Ui for Desk {
    fn publish(&mut self, update: Update) {
        self.window.publish(&update);
    }

    fn tray(&mut self, tray: &Tray) {
        let start = || platform::Tray::new(self.speaker.handle().clone(), self.hosting.clone());
        self.tray.get_or_insert_with(start).show(tray);
    }

    fn notify(&mut self, notice: &Notice) {
        let start = || Notifications::new(self.speaker.handle().clone());
        self.notifications.get_or_insert_with(start).show(notice);
    }

    fn withdraw(&mut self, id: &NoticeId) {
        if let Some(notifications) = &self.notifications {
            notifications.withdraw(id);
        }
    }

    fn window(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::Show => self.window.show(),
            Wanted::Close => self.window.close(),
        }
    }

    fn copy(&mut self, text: String) {
        self.window.copy(text);
    }

    fn open(&mut self, place: &Path) {
        platform::open(place);
    }

    fn pick(&mut self, what: Picked, answer: oneshot::Sender<Option<PathBuf>>) {
        self.window.pick(what, answer);
    }

    fn start_at_login(&mut self, wanted: bool) -> Result<(), Fault> {
        platform::start_at_login(wanted)
    }

    fn exit(&mut self) {
        // The window's process ends when nobody is left who speaks to it, the tray icon with its connection.
        std::process::exit(0);
    }
}
