//! What the desktop application knows and does, without a window: it turns the helper's snapshots and the user's files into
//! what is shown, and what is clicked into calls. Whatever shows it implements [`Ui`].

mod act;
mod acts;
mod background;
mod containers;
mod controller;
mod desk;
mod facts;
mod files;
mod form;
mod handle;
pub mod limits;
mod link;
mod news;
mod notice;
mod notices;
mod shown;
mod streams;
mod surroundings;
mod tray;
mod ui;
mod users;
pub mod view;

pub use act::{
    Act, Copyable, Draft, DraftPort, EnvironmentFormat, List, Mode, NamesQuery, PathKind, Picked, QuitAnswer, Setting,
    SortBy, SortNamesBy, TrafficQuery, Tuning,
};
pub use controller::Controller;
pub use handle::Handle;
pub use notice::{Notice, NoticeAction, NoticeId};
pub use surroundings::Surroundings;
pub use tray::{Item, Shape, Tray, TrayAct};
pub use ui::{Ui, Window};
pub use view::{Problem, Remedy, Screen, Update};
