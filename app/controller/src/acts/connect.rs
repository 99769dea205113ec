//! Connecting: the user's files say to what, the companion is told how, the helper does it.

use hawser_client::companion;
use hawser_client::connecting::{Cluster, Wanted, standalone};
use hawser_client::kubeconfig::Context;
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::{ConnectRequest, DisconnectRequest, State};

use super::{Begun, later, parse};
use crate::controller::Controller;
use crate::desk::Desk;
use crate::facts::{Entry, Origin};
use crate::news::News;
use crate::view::ContextId;
use crate::{Tuning, Ui};

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

    /// Another list is another connection to the helper: the old one ends first.
    pub(super) fn reroute(&mut self, connection: &str, also: Vec<String>, never: Vec<String>) -> Begun {
        let (also, never) = parse::subnets(also, never)?;
        let name = self.own(connection)?;
        let context = self.facts.contexts.context_of(&name);
        let entry = self.entry(context.ok_or_else(|| super::bad("there is no such connection"))?)?.clone();
        if !matches!(entry.origin, Origin::Context(_)) {
            let detail = "only connections to clusters whose kubeconfig is known can have other subnets";
            return Err(Fault::new(Code::BadArgument, detail).with_fix("Connect it from its kubeconfig."));
        }
        let tuning = Tuning { also, never, ..self.facts.stored.tuning(&entry.choice()) };
        self.facts.stored.tune(entry.choice(), tuning.clone())?;
        let desk = self.desk();
        let mut helper = desk.helper()?;
        later(async move {
            helper.disconnect(DisconnectRequest { name }).await.map_err(|status| from_status(&status))?;
            connect(desk, entry, tuning).await
        })
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
fn outcome(last: Option<hawser_ipc::proto::Connection>) -> Result<(), Fault> {
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
        Origin::Manager(manager) => standalone(&manager.file, Some(entry.name.clone())),
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
