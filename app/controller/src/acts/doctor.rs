//! Examining everything, and gathering it into one file.

use std::path::PathBuf;

use hawser_client::doctor::{Question, examine_each};
use hawser_client::gather;
use hawser_client::kubeconfig::Arguments;

use super::{Begun, later};
use crate::Ui;
use crate::controller::{Controller, now};
use crate::desk::Desk;
use crate::facts::{Facts, Origin};
use crate::news::News;
use crate::view::LogLevel;

/// Which cluster is meant, and where its manager is.
struct Meant {
    arguments: Arguments,
    manager_namespace: String,
}

impl<U: Ui> Controller<U> {
    pub(super) fn examine(&mut self) -> Begun {
        if self.facts.doctor.running {
            return Ok(None);
        }
        self.facts.doctor.begin(now());
        let (desk, meant) = (self.desk(), meant(&self.facts));
        self.spawn(async move {
            examine_each(&question(&desk, &meant), async |check| desk.tell(News::Check(check)).await).await;
            desk.tell(News::Examined).await;
        });
        Ok(None)
    }

    pub(super) fn log(&mut self, level: LogLevel) -> Begun {
        let desk = self.desk();
        later(async move {
            desk.tell(News::LevelSet(desk.level(level.word()).await?)).await;
            Ok(())
        })
    }
}

/// Gathers everything into a new file.
pub(crate) fn export(facts: &mut Facts, desk: Desk, path: PathBuf) -> impl Future<Output = ()> + use<> {
    facts.doctor.exporting = true;
    let meant = meant(facts);
    async move {
        let gathered = gather::everything(&question(&desk, &meant), &path, |_| ()).await;
        desk.tell(News::Exported(gathered.map(|_| path))).await;
    }
}

fn question<'a>(desk: &'a Desk, meant: &'a Meant) -> Question<'a> {
    Question {
        socket: &desk.surroundings.socket,
        version: desk.surroundings.version,
        arguments: meant.arguments.clone(),
        environment: &desk.surroundings.environment,
        manager_namespace: &meant.manager_namespace,
    }
}

/// The cluster of the first connection whose kubeconfig is known; else what the user's own kubeconfig says.
fn meant(facts: &Facts) -> Meant {
    let known = facts.connections().find_map(|connection| {
        let entry = facts.contexts.entry(facts.contexts.context_of(&connection.name)?)?;
        let Origin::Context(context) = &entry.origin else { return None };
        let arguments = Arguments {
            kubeconfig: Some(context.file.clone()).filter(|_| context.selection.files.len() == 1),
            context: Some(context.name.clone()),
            ..Arguments::default()
        };
        Some((arguments, connection.manager_namespace.clone()))
    });
    let (arguments, namespace) = known.unwrap_or_default();
    Meant { arguments, manager_namespace: if namespace.is_empty() { "hawser".to_owned() } else { namespace } }
}
