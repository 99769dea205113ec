//! Speaking to a controller from any thread.

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Act, NoticeAction, NoticeId, Problem, TrayAct, limits};

/// Something that somebody wants done, and who waits for it.
pub(crate) struct Asked {
    pub(crate) wish: Wish,
    pub(crate) answer: Option<oneshot::Sender<Result<(), Fault>>>,
}

/// From where it is wanted.
pub(crate) enum Wish {
    Act(Act),
    Tray(TrayAct),
    Notice(NoticeAction),
}

/// How whatever shows it is, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posture {
    /// Counts the pages that came.
    pub(crate) pages: u64,
    pub(crate) attached: bool,
    pub(crate) hosted: bool,
}

/// Speaks to a controller, from any thread. Nothing but [`Handle::act`] waits.
#[derive(Clone)]
pub struct Handle {
    acts: mpsc::Sender<Asked>,
    posture: Arc<watch::Sender<Posture>>,
}

impl Handle {
    /// What is asked by it arrives at the others.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Asked>, watch::Receiver<Posture>) {
        let (asking, acts) = mpsc::channel(limits::ACTS);
        let (postures, posture) = watch::channel(Posture::default());
        (Self { acts: asking, posture: Arc::new(postures) }, acts, posture)
    }

    /// Does something; returns when it is done, or goes on by itself.
    ///
    /// # Errors
    /// Why it can't be done.
    pub async fn act(&self, act: Act) -> Result<(), Problem> {
        let (answer, answered) = oneshot::channel();
        self.acts.try_send(Asked { wish: Wish::Act(act), answer: Some(answer) }).map_err(|_| busy())?;
        Ok(answered.await.unwrap_or_else(|_| Err(ended()))?)
    }

    /// A page came: everything is published to it.
    pub fn attached(&self) {
        self.posture.send_modify(|posture| {
            posture.attached = true;
            posture.pages += 1;
        });
    }

    /// The page went.
    pub fn detached(&self) {
        self.posture.send_modify(|posture| posture.attached = false);
    }

    /// Whether the desktop shows the tray icon now.
    pub fn tray_hosted(&self, hosted: bool) {
        self.posture.send_modify(|posture| posture.hosted = hosted);
    }

    /// Something of the tray was pressed. What comes of it is shown; nothing does while too much waits.
    pub fn pressed(&self, act: TrayAct) {
        let _ = self.acts.try_send(Asked { wish: Wish::Tray(act), answer: None });
    }

    /// A button of a notice was pressed. The same.
    pub fn answered(&self, _id: NoticeId, action: NoticeAction) {
        let _ = self.acts.try_send(Asked { wish: Wish::Notice(action), answer: None });
    }
}

pub(crate) fn busy() -> Fault {
    Fault::new(Code::LimitReached, format!("{} things are being done already", limits::ACTS))
}

fn ended() -> Fault {
    Fault::new(Code::Internal, "the application is ending").with_fix("Start it again.")
}
