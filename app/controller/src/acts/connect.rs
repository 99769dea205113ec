//! Connecting: the user's files say to what, the companion is told how, the helper does it.

use hawser_client::companion;
use hawser_client::connecting::{Cluster, Wanted, standalone};
use hawser_client::kubeconfig::Context;
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::{ConnectRequest, Connection, RerouteRequest, State};
use tokio::time::timeout;

use super::{Begun, later, parse, slow};
use crate::controller::Controller;
use crate::desk::Desk;
use crate::facts::{Entry, Origin};
use crate::news::News;
use crate::view::ContextId;
use crate::{Tuning, Ui, limits};

/// The namespace in which a manager is unless somebody says otherwise.
const MANAGER: &str = "hawser";

impl<U: Ui> Controller<U> {
    pub(super) fn connect(&mut self, context: ContextId) -> Begun {
        let entry = self.entry(context)?.clone();
        let tuning = self.facts.stored.tuning(&entry.choice());
        let desk = self.desk();
        desk.helper()?;
        self.facts.attempts.begin(context);
        later(connect(desk, entry, tuning))
    }

    /// Choices for the next time. What can be another of a connection that is there is another at once.
    pub(super) fn tune(&mut self, context: ContextId, tuning: Tuning) -> Begun {
        let tuning = parse::tuning(tuning)?;
        let choice = self.entry(context)?.choice();
        let of_it = |known: &&Connection| self.facts.contexts.context_of(&known.name) == Some(context);
        let live = self.facts.connections().find(of_it).map(|known| known.name.clone());
        let before = self.facts.stored.tuning(&choice);
        match live {
            Some(live) if (&before.also, &before.never) != (&tuning.also, &tuning.never) => {
                self.route(live, (tuning.also.clone(), tuning.never.clone()), Some((context, tuning)))
            }
            _ => {
                self.facts.stored.tune(choice, tuning)?;
                Ok(None)
            }
        }
    }

    /// Routes other subnets over a connection, and the next time too.
    pub(super) fn reroute(&mut self, connection: &str, also: Vec<String>, never: Vec<String>) -> Begun {
        let lists = parse::subnets(also, never)?;
        let name = self.own(connection)?;
        let chosen = self.facts.contexts.context_of(&name).and_then(|context| {
            let known = self.facts.stored.tuning(&self.facts.contexts.entry(context)?.choice());
            Some((context, Tuning { also: lists.0.clone(), never: lists.1.clone(), ..known }))
        });
        self.route(name, lists, chosen)
    }

    /// What is chosen is kept once the helper has taken it. Of a connection that never came to be only the choice is left: it is
    /// tried again with that.
    fn route(
        &mut self,
        name: String,
        (also_proxy, never_proxy): (Vec<String>, Vec<String>),
        chosen: Option<(ContextId, Tuning)>,
    ) -> Begun {
        let desk = self.desk();
        let mut helper = desk.helper()?;
        let entry = chosen.as_ref().and_then(|(context, _)| self.facts.contexts.entry(*context)).cloned();
        later(async move {
            let request = RerouteRequest { name, also_proxy, never_proxy };
            let rerouted = timeout(limits::CALL, helper.reroute(request)).await.map_err(|_| slow())?;
            let again = match (rerouted.map_err(|status| from_status(&status)), entry) {
                (Err(fault), Some(entry)) if fault.code == Code::NotConnected => Some(entry),
                (outcome, _) => outcome.map(|_| None)?,
            };
            let Some((context, tuning)) = chosen else { return Ok(()) };
            desk.tell(News::Tuned(context, tuning.clone())).await;
            match again {
                Some(entry) => connect(desk, entry, tuning).await,
                None => Ok(()),
            }
        })
    }

    /// Keeps choices that hold already.
    pub(crate) fn keep_tuning(&mut self, context: ContextId, tuning: Tuning) -> Result<(), Fault> {
        let choice = self.entry(context)?.choice();
        self.facts.stored.tune(choice, tuning)
    }
}

/// Returns once the helper has taken it; what comes of it later is told.
async fn connect(desk: Desk, entry: Entry, tuning: Tuning) -> Result<(), Fault> {
    let context = entry.id;
    desk.tell(News::Trying(context)).await;
    let asked = async {
        let request = request(&desk, &entry, tuning).await?;
        let mut helper = desk.helper()?;
        let updates = helper.connect(request).await.map_err(|status| from_status(&status))?;
        Ok(updates.into_inner())
    };
    let mut updates = match asked.await {
        Ok(updates) => updates,
        Err(fault) => {
            let fault: Fault = fault;
            desk.tell(News::Tried(context, Err(fault.clone()))).await;
            return Err(fault);
        }
    };
    tokio::spawn(async move {
        let mut last = None;
        let outcome = loop {
            match updates.message().await {
                Ok(Some(connection)) => last = Some(connection),
                Ok(None) => break outcome(last),
                Err(status) => break Err(from_status(&status)),
            }
        };
        // A helper that ends goes on with it when it is back.
        let outcome = outcome.or_else(|fault| if fault.code == Code::HelperUnreachable { Ok(()) } else { Err(fault) });
        desk.tell(News::Tried(context, outcome)).await;
    });
    Ok(())
}

/// What became of it: only what failed is told, the rest is in the snapshots.
fn outcome(last: Option<Connection>) -> Result<(), Fault> {
    match last {
        Some(connection) if connection.state() == State::Failed => {
            let cause = connection.cause.map(Fault::from);
            Err(cause.unwrap_or_else(|| Fault::new(Code::Internal, "the helper does not say why")))
        }
        _ => Ok(()),
    }
}

async fn request(desk: &Desk, entry: &Entry, tuning: Tuning) -> Result<ConnectRequest, Fault> {
    match &entry.origin {
        Origin::Manager(manager) => {
            let Tuning { also, never, .. } = tuning;
            let name = Some(entry.name.clone());
            standalone(&manager.file, Wanted { name, also_proxy: also, never_proxy: never, ..Wanted::default() })
        }
        Origin::Connection => Err(Fault::new(Code::ContextUnknown, "it is in none of your files any more")),
        Origin::Context(context) => {
            let cluster = cluster(desk, context, &tuning).await?;
            companion::ensure(&desk.surroundings.program, &cluster.handover(&entry.name)).await?;
            let given = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
            cluster.request(Wanted {
                name: Some(entry.name.clone()),
                manager_namespace: given(tuning.manager_namespace, MANAGER),
                also_proxy: tuning.also,
                never_proxy: tuning.never,
            })
        }
    }
}

/// Reads the kubeconfig, which can be large or on a slow disk, away from everything else.
pub(super) async fn cluster(desk: &Desk, context: &Context, tuning: &Tuning) -> Result<Cluster, Fault> {
    let mut selection = context.selection.clone();
    if !tuning.namespace.is_empty() {
        selection.namespace = Some(tuning.namespace.clone());
    }
    if !tuning.as_user.is_empty() {
        selection.impersonation.user = Some(tuning.as_user.clone());
    }
    let environment = desk.surroundings.environment.clone();
    let reading = tokio::task::spawn_blocking(move || Cluster::selected(&selection, environment));
    reading.await.unwrap_or_else(|error| Err(Fault::new(Code::Internal, format!("reading was ended: {error}"))))
}
