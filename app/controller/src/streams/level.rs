//! How much the helper writes to its log.

use hawser_fault::Code;
use tokio::time::sleep;

use crate::desk::Desk;
use crate::limits;
use crate::news::News;

/// The helper doesn't tell by itself when others set it, or when its time is over.
pub(super) async fn level(desk: Desk) {
    let mut last = None;
    loop {
        let found = desk.level("").await;
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
