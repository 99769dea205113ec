//! The desktop application as its user meets it: the real program in a session made for a test, with WebDriver for hands in
//! its window and the session bus for hands in its tray.
//!
//! A [`Session`] is a screen, a bus and a home that nobody else has, at some [`Seat`]. [`App`] is the program in it, [`Driver`] the program with
//! its page under control. [`Watcher`] and [`Notifications`] stand in for what a desktop would offer on the bus; [`Item`] is the
//! tray icon as such a desktop sees it.

mod app;
mod clipboard;
mod driver;
mod measure;
mod notifications;
mod screen;
mod seat;
mod session;
mod tray;
mod wait;
mod watcher;

pub use app::{App, program};
pub use clipboard::copied;
pub use driver::Driver;
pub use measure::{Processes, tree};
pub use notifications::{Notifications, Shown};
pub use screen::Screen;
pub use seat::Seat;
pub use session::{Look, Session};
pub use tray::{Item, Line};
pub use wait::{SOON, until, within};
pub use watcher::Watcher;
