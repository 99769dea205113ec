//! `hawser cluster`: the manager's way into a cluster and out of it.

mod install;
mod uninstall;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use hawser_client::connecting::Cluster;
use hawser_client::install::{Purpose, Step, render, yaml};
use hawser_client::kubeconfig::Interaction;
use hawser_fault::{Code, Fault};
use tokio::sync::watch;
use tokio::time::interval;

use crate::cli::KubeconfigArgs;
use crate::cli::cluster::{ChangeArgs, ClusterArgs, ClusterCommand};
use crate::output::progress::{self, Progress};
use crate::output::{Failure, print};

pub(crate) async fn run(args: ClusterArgs) -> Result<ExitCode, Failure> {
    match args.command {
        ClusterCommand::Install(args) => install::run(args, Purpose::Install).await,
        ClusterCommand::Upgrade(args) => install::run(args, Purpose::Upgrade).await,
        ClusterCommand::Uninstall(args) => uninstall::run(args).await,
        ClusterCommand::Manifests(args) => {
            print(&yaml(&render(&args.into())?)?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The cluster that is to be changed.
fn target(args: &mut ChangeArgs) -> Result<Cluster, Fault> {
    let bad = |detail: &str, fix: &str| Err(Fault::new(Code::BadArgument, detail).with_fix(fix));
    if args.kubeconfig.namespace.is_some() {
        return bad("--namespace chooses nothing here", "Name the manager's namespace with: --manager-namespace");
    }
    if !args.yes && !io::stdin().is_terminal() {
        return bad("nobody can be asked: standard input is not a terminal", "If you are sure, add: --yes");
    }
    super::target::cluster(std::mem::take::<KubeconfigArgs>(&mut args.kubeconfig))
}

/// Who logs in: the person at this terminal, if there is one.
fn interaction() -> Interaction<'static> {
    if io::stdin().is_terminal() { Interaction::Terminal } else { Interaction::Unattended }
}

/// Whether somebody says yes.
async fn confirmed(args: &ChangeArgs, question: &str) -> Result<bool, Failure> {
    if args.yes {
        return Ok(true);
    }
    let mut shown = anstream::stderr();
    write!(shown, "\n{question} [y/N] ")?;
    shown.flush()?;
    let answer = tokio::task::spawn_blocking(|| io::stdin().lines().next().transpose());
    let answer = answer.await.map_err(io::Error::other)??.unwrap_or_default();
    let yes = is_yes(&answer);
    if !yes {
        writeln!(shown, "Nothing was changed.")?;
    }
    Ok(yes)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Does something and shows each step of it.
async fn showing<T>(work: impl AsyncFnOnce(Step<'_>) -> Result<T, Fault>) -> Result<T, Failure> {
    let (steps, mut news) = watch::channel(String::new());
    let step = |text: &str| _ = steps.send_replace(text.to_owned());
    let mut work = std::pin::pin!(work(&step));
    let mut progress = Progress::start();
    let mut ticks = interval(progress::TICK);
    loop {
        tokio::select! {
            outcome = &mut work => return Ok(outcome?),
            Ok(()) = news.changed() => progress.wait_for(&news.borrow_and_update())?,
            _ = ticks.tick() => progress.tick()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, expected) in [("y", true), (" YES\n", true), ("", false), ("n", false), ("yep", false)] {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
