//! What is worth interrupting somebody for.

use crate::Act;
use crate::view::{NoticeKind, Screen};

/// A notification of the desktop.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// A notice with the same id takes its place.
    pub id: NoticeId,
    /// One line.
    pub title: String,
    /// What happened and what to do, without markup.
    pub body: String,
    /// What may be pressed, with its words; the first is also what a click on the notice does.
    pub actions: Vec<(NoticeAction, String)>,
}

/// What a notice is about. There is one of each at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId {
    /// Which switch it obeys.
    pub kind: NoticeKind,
    /// The connection, with the intercept or the kind of fault if it is about that.
    pub about: String,
}

/// What pressing a button of a notice does.
#[derive(Clone, Debug, PartialEq)]
pub enum NoticeAction {
    /// The same as in the window.
    Act(Act),
    /// Opens the window there.
    Open(Screen),
}
