//! How much the helper writes to its log.

use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::{LevelReply, LevelRequest};
use tokio::time::{sleep, timeout};

use crate::desk::Desk;
use crate::limits;
use crate::news::News;

/// The helper doesn't tell by itself when others set it, or when its time is over.
pub(super) async fn level(desk: Desk) {
    let mut last = None;
    loop {
        let found = ask(&desk).await;
        let is_older = found.as_ref().is_err_and(|fault| fault.code == Code::HelperVersion);
        if last.as_ref() != Some(&found) {
            last = Some(found.clone());
            desk.tell(News::Level(found)).await;
        }
        if is_older {
            return;
        }
        sleep(limits::LEVEL).await;
    }
}

async fn ask(desk: &Desk) -> Result<LevelReply, Fault> {
    let asking = async {
        let reply = desk.helper()?.level(LevelRequest::default()).await;
        reply.map(|reply| reply.into_inner()).map_err(|status| from_status(&status))
    };
    let late = |_| Err(Fault::new(Code::HelperUnreachable, "the helper has not answered in time"));
    timeout(limits::CALL, asking).await.unwrap_or_else(late)
}
