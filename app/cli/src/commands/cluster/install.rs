//! `hawser cluster install` and `hawser cluster upgrade`.

use std::process::ExitCode;

use hawser_client::install::{Options, Purpose, apply, plan_apply};

use super::{confirmed, showing, target};
use crate::cli::cluster::InstallArgs;
use crate::output::text::harmless;
use crate::output::{Failure, print};
use crate::view;

pub(super) async fn run(args: InstallArgs, purpose: Purpose) -> Result<ExitCode, Failure> {
    let InstallArgs { manifests, mut change } = args;
    let options = Options::from(manifests);
    let cluster = target(&mut change)?;
    let (namespace, context) = (harmless(&options.namespace), harmless(&cluster.access.context));

    let api = cluster.api(super::interaction()).await?;
    let plan = showing(async |step| {
        step(&format!("looking at {}", cluster.server()));
        plan_apply(&api, &options, purpose).await
    });
    let plan = plan.await?;
    print(&view::install::plan(&plan, &options, &cluster.server(), purpose))?;
    let question = match purpose {
        Purpose::Upgrade => format!("Upgrade {namespace} of cluster {context}?"),
        _ => format!("Install into {namespace} of cluster {context}?"),
    };
    if !confirmed(&change, &question).await? {
        return Ok(ExitCode::FAILURE);
    }

    showing(async |step| apply(&api, &plan, change.limit(), step).await).await?;
    print(&view::install::done(&options, purpose))?;
    Ok(ExitCode::SUCCESS)
}
