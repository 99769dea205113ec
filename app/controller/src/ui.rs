//! What the controller asks of whatever shows it.

use std::path::{Path, PathBuf};

use hawser_fault::Fault;
use tokio::sync::oneshot;

use crate::{Notice, NoticeId, Picked, Tray, Update};

/// A page, a tray and the desktop. Nothing here blocks, and what can't be shown is dropped.
pub trait Ui: Send + 'static {
    /// To the page, if one is attached.
    fn publish(&mut self, update: Update);
    /// Only when it differs from the last.
    fn tray(&mut self, tray: &Tray);
    /// Takes the place of a notice with the same id.
    fn notify(&mut self, notice: &Notice);
    /// What it said is over.
    fn withdraw(&mut self, id: &NoticeId);
    /// Shows or closes the window.
    fn window(&mut self, window: Window);
    /// Puts a text where it can be pasted from.
    fn copy(&mut self, text: String);
    /// Shows a folder in the desktop's file manager.
    fn open(&mut self, place: &Path);
    /// Lets the user choose a file or folder; `None` if they chose none.
    fn pick(&mut self, what: Picked, answer: oneshot::Sender<Option<PathBuf>>);
    /// Makes the application start with the user's session, or not.
    ///
    /// # Errors
    /// `file-unwritable`.
    fn start_at_login(&mut self, wanted: bool) -> Result<(), Fault>;
    /// Ends the application. Connections and intercepts go on.
    fn exit(&mut self);
}

/// What becomes of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// It is in front. Which screen it has is in the next [`Shell`](crate::view::Shell).
    Show,
    /// It is gone, and its page with it.
    Close,
}
