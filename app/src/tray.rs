//! The seam between the controller's tray and the desktop's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hawser_controller::Tray;

use crate::resident::Speaker;

/// Something that keeps an icon with a menu in the desktop's tray.
pub(crate) trait TrayHost: Send {
    /// Shows this from now on. Returns at once.
    fn show(&mut self, tray: &Tray);
}

/// Whether a desktop shows the icon, for whom that matters.
#[derive(Clone)]
pub(crate) struct Hosting {
    hosted: Arc<AtomicBool>,
    speaker: Speaker,
}

impl Hosting {
    pub(crate) fn new(speaker: Speaker) -> Self {
        Self { hosted: Arc::default(), speaker }
    }

    pub(crate) fn is_hosted(&self) -> bool {
        self.hosted.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, hosted: bool) {
        self.hosted.store(hosted, Ordering::Relaxed);
        self.speaker.handle().tray_hosted(hosted);
    }
}
