//! Linux: what freedesktop.org specifies, over the session bus.

mod autostart;
mod graphics;
mod icons;
mod notifications;
mod opening;
mod tray;

pub(crate) use autostart::start_at_login;
pub(crate) use graphics::graphics;
pub(crate) use notifications::Notifications;
pub(crate) use opening::open;
pub(crate) use tray::Host as Tray;
