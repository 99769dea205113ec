//! How far everything is on the way into the clusters.

use hawser_fault::Fault;
use hawser_ipc::from_status;
use hawser_ipc::proto::WatchRequest;

use crate::desk::Desk;
use crate::news::News;

/// The helper measures for as long as this follows. A helper that can't be asked has been told of elsewhere.
pub(super) async fn hops(desk: Desk) {
    let _: Result<(), Fault> = async {
        let request = WatchRequest { follow: true, hops: true };
        let mut snapshots = desk.helper()?.watch(request).await.map_err(|status| from_status(&status))?.into_inner();
        while let Some(snapshot) = snapshots.message().await.map_err(|status| from_status(&status))? {
            desk.tell(News::Hops(snapshot)).await;
        }
        Ok(())
    }
    .await;
}
