//! What the desktop application knows and does, without a window: it turns the helper's snapshots and the user's files into
//! what is shown, and what is clicked into calls. Whatever shows it implements [`Ui`].

mod act;
mod controller;
pub mod limits;
mod notice;
mod surroundings;
mod tray;
mod ui;
pub mod view;

pub use act::{
    Act, Copyable, Draft, DraftPort, EnvironmentFormat, List, Mode, PathKind, Picked, QuitAnswer, Setting, SortBy,
    TrafficQuery, Tuning,
};
pub use controller::{Controller, Handle};
pub use notice::{Notice, NoticeAction, NoticeId};
pub use surroundings::Surroundings;
pub use tray::{Item, Shape, Tray, TrayAct};
pub use ui::{Ui, Window};
pub use view::{Problem, Remedy, Screen, Update};
