//! What a task of the controller needs: where it runs, whom it calls, and whom it tells.

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_ipc::Client;
use tokio::sync::mpsc;

use crate::Surroundings;
use crate::news::News;

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

    /// Tells the controller; once that has ended nobody has to know.
    pub(crate) async fn tell(&self, news: News) {
        let _ = self.news.send(news).await;
    }
}
