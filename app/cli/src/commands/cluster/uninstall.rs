//! `hawser cluster uninstall`.

use std::process::ExitCode;

use hawser_client::install::{plan_removal, remove};

use super::{confirmed, showing, target};
use crate::cli::cluster::UninstallArgs;
use crate::output::text::harmless;
use crate::output::{Failure, print};
use crate::view;

pub(super) async fn run(args: UninstallArgs) -> Result<ExitCode, Failure> {
    let UninstallArgs { manager, mut change } = args;
    let cluster = target(&mut change)?;
    let (namespace, context) = (manager.manager_namespace, harmless(&cluster.access.context));

    let api = cluster.api(super::interaction()).await?;
    let removal = showing(async |step| {
        step(&format!("looking at {}", cluster.server()));
        plan_removal(&api, &namespace).await
    });
    let removal = removal.await?;
    let shown = harmless(&namespace);
    if removal.is_empty() {
        print(&format!("There is nothing of Hawser in {shown} of cluster {context}.\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&view::install::removal(&removal, &namespace))?;
    if !confirmed(&change, &format!("Delete all of this from cluster {context}?")).await? {
        return Ok(ExitCode::FAILURE);
    }

    showing(async |step| remove(&api, &removal, change.limit(), step).await).await?;
    print(&format!("Nothing is left of Hawser in cluster {context}.\n"))?;
    Ok(ExitCode::SUCCESS)
}
