//! What a task of the controller needs: where it runs, whom it calls, and whom it tells.

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{LevelReply, LevelRequest};
use hawser_ipc::{Client, from_status};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::news::News;
use crate::{Surroundings, limits};

#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) client: Option<Client>,
    pub(crate) news: mpsc::Sender<News>,
}

impl Desk {
    /// The helper, as far as it is known to answer.
    pub(crate) fn helper(&self) -> Result<Client, Fault> {
        let silent = || Fault::new(Code::HelperUnreachable, "the helper does not answer now");
        self.client.clone().ok_or_else(silent)
    }

    /// How much the helper writes to its log, after it was set to this if that isn't empty.
    pub(crate) async fn level(&self, level: &str) -> Result<LevelReply, Fault> {
        let request = LevelRequest { level: level.to_owned() };
        let reply = timeout(limits::CALL, self.helper()?.level(request)).await.map_err(|_| slow())?;
        reply.map(|reply| reply.into_inner()).map_err(|status| from_status(&status))
    }

    /// Tells the controller; once that has ended nobody has to know.
    pub(crate) async fn tell(&self, news: News) {
        let _ = self.news.send(news).await;
    }
}

/// What is said when the helper takes too long.
pub(crate) fn slow() -> Fault {
    Fault::new(Code::HelperUnreachable, "the helper has not answered in time")
}
