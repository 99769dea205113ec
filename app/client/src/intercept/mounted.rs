//! Waiting until a container's files are there.

use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptState, MountState, WatchRequest};
use hawser_ipc::{Client, from_status};
use tokio::time::timeout;

use super::Place;

/// How long the companion may take. Most of it is for a pod that has just come.
const PATIENCE: Duration = Duration::from_secs(15);

/// The intercept with its files mounted, if they are wanted.
///
/// # Errors
/// `mount-failed` and what else the companion says; `intercept-ended`, `helper-unreachable`.
pub async fn mounted(helper: &mut Client, place: &Place) -> Result<InterceptState, Fault> {
    let mut last = None;
    match timeout(PATIENCE, wait(helper, place, &mut last)).await {
        Ok(state) => state,
        Err(_) => {
            let late = || Fault::new(Code::MountFailed, "your companion process has not mounted the files in time");
            Err(last.unwrap_or_else(late))
        }
    }
}

/// Why it isn't mounted yet is left in `last`.
async fn wait(helper: &mut Client, place: &Place, last: &mut Option<Fault>) -> Result<InterceptState, Fault> {
    let mut snapshots = helper
        .watch(WatchRequest { follow: true, ..WatchRequest::default() })
        .await
        .map_err(|status| from_status(&status))?
        .into_inner();
    while let Some(snapshot) = snapshots.message().await.map_err(|status| from_status(&status))? {
        let state = place.connection(&snapshot).and_then(|connection| place.intercept(connection));
        let Some(state) = state else { return Err(over(place)) };
        match &state.mount {
            Some(MountState { mounted: false, cause, .. }) => *last = cause.clone().map(Fault::from),
            _ => return Ok(state.clone()),
        }
        // Waiting makes none of these better.
        let lasting = |fault: &mut Fault| !matches!(fault.code, Code::PodAbsent | Code::HelperUnreachable);
        if let Some(fault) = last.take_if(lasting) {
            return Err(fault);
        }
    }
    Err(crate::no_answer())
}

fn over(place: &Place) -> Fault {
    Fault::new(Code::InterceptEnded, format!("the intercept {} was left meanwhile", place.name))
}
