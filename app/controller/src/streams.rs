//! What costs something is followed only while somebody looks at it.

mod hops;
mod level;
mod names;

use hawser_client::intercept::{Asked, listeners, request};
use hawser_client::processes::Processes;
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::{BrowseRequest, Flow, FlowsRequest, State};
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};
use tokio::time::{sleep, timeout};

use crate::desk::Desk;
use crate::facts::Facts;
use crate::form::check;
use crate::limits;
use crate::news::News;
use crate::users::Users;
use crate::view::{Bytes, FlowRow, Ms, Preview, Screen, Us};

/// What is followed now.
#[derive(Default)]
pub(crate) struct Streams {
    flows: Option<Running<u64>>,
    names: Option<Running<u64>>,
    hops: Option<Running<u64>>,
    catalogue: Option<Running<(u64, String)>>,
    listeners: Option<Running<()>>,
    preview: Option<Running<(u64, u32)>>,
    level: Option<Running<(u64, u64)>>,
}

/// A task, and what it follows; it ends with this.
struct Running<K> {
    key: K,
    task: JoinHandle<()>,
}

impl<K> Drop for Running<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Streams {
    /// Begins and ends what the facts ask for.
    pub(crate) fn follow(&mut self, facts: &mut Facts, desk: &Desk) {
        let link = facts.helper.client.is_some().then_some(facts.helper.link);
        let traffic = facts.is_shown(Screen::Traffic);
        let asked_for = traffic && facts.names.open && !facts.names.query.paused;
        replace(&mut self.names, link.filter(|_| asked_for), |_| names::names(desk.clone()));
        self.measure(facts, desk, link);
        let examining = link.filter(|_| facts.is_shown(Screen::Doctor)).map(|link| (link, facts.doctor.level_set));
        replace(&mut self.level, examining, |_| level::level(desk.clone()));
        let looked_at = traffic && !facts.names.open && !facts.flows.query.paused;
        replace(&mut self.flows, link.filter(|_| looked_at), |_| flows(desk.clone()));

        let picking = facts.is_shown(Screen::Picker);
        let connection = facts.interceptable().find(|known| known.name == facts.form.draft.connection);
        let wanted = link.zip(connection.map(|known| known.name.clone())).filter(|_| picking);
        let is_new = wanted.is_some() && self.catalogue.as_ref().map(|running| &running.key) != wanted.as_ref();
        if is_new {
            facts.catalogue.forget();
        }
        replace(&mut self.catalogue, wanted, |(_, connection)| catalogue(desk.clone(), connection.clone()));
        replace(&mut self.listeners, picking.then_some(()), |()| programs(desk.clone()));
        self.preview(facts, desk, link.filter(|_| picking));
    }

    fn measure(&mut self, facts: &mut Facts, desk: &Desk, link: Option<u64>) {
        let is_connected = facts.connections().any(|connection| connection.state() == State::Connected);
        let wanted = link.filter(|_| is_connected && facts.is_shown(Screen::Clusters));
        if wanted.is_some() && self.hops.as_ref().map(|running| running.key) != wanted {
            facts.history.forget_hops();
        }
        replace(&mut self.hops, wanted, |_| hops::hops(desk.clone()));
    }

    fn preview(&mut self, facts: &mut Facts, desk: &Desk, link: Option<u64>) {
        let asked = link.and_then(|_| check(facts).asked).filter(|_| facts.form.asking.is_none());
        let Some((link, asked)) = link.zip(asked) else {
            self.preview = None;
            facts.form.preview = Preview::None;
            return;
        };
        let revision = facts.form.draft.revision;
        if self.preview.as_ref().is_none_or(|running| running.key != (link, revision)) {
            facts.form.preview = Preview::Asking;
        }
        replace(&mut self.preview, Some((link, revision)), |_| preview(desk.clone(), asked, revision));
    }
}

fn replace<K: PartialEq, F>(slot: &mut Option<Running<K>>, wanted: Option<K>, task: impl FnOnce(&K) -> F)
where
    F: Future<Output = ()> + 'static,
{
    match wanted {
        None => *slot = None,
        Some(key) if slot.as_ref().is_some_and(|running| running.key == key) => {}
        Some(key) => {
            let task = spawn_local(task(&key));
            *slot = Some(Running { key, task });
        }
    }
}

async fn catalogue(desk: Desk, connection: String) {
    let outcome: Result<(), Fault> = async {
        let request = BrowseRequest { connection, namespaces: Vec::new(), follow: true };
        let mut news = desk.helper()?.browse(request).await.map_err(|status| from_status(&status))?.into_inner();
        while let Some(catalogue) = news.message().await.map_err(|status| from_status(&status))? {
            desk.tell(News::Catalogue(Ok(catalogue))).await;
        }
        Err(hawser_client::no_answer())
    }
    .await;
    if let Err(fault) = outcome {
        desk.tell(News::Catalogue(Err(fault))).await;
    }
}

/// Asks once the form has stayed as it is for a while. Nothing is made for files: they would be seen.
async fn preview(desk: Desk, asked: Asked, revision: u32) {
    sleep(limits::TYPING).await;
    let asked = Asked { files: None, ..asked };
    let asking = async {
        let mut helper = desk.helper()?;
        let request = request(&asked, &mut helper, &desk.surroundings.program).await?;
        helper.preview(request).await.map(|reply| reply.into_inner()).map_err(|status| from_status(&status))
    };
    let late = |_| Err(Fault::new(Code::HelperUnreachable, "the cluster has not said in time what would change"));
    let outcome = timeout(limits::CALL, asking).await.unwrap_or_else(late);
    desk.tell(News::Preview(revision, outcome)).await;
}

async fn programs(desk: Desk) {
    let mut last = None;
    loop {
        let Ok(found) = spawn_blocking(listeners).await else { return };
        if last.as_ref() != Some(&found) {
            last = Some(found.clone());
            desk.tell(News::Listeners(found)).await;
        }
        sleep(limits::LISTENERS).await;
    }
}

async fn flows(desk: Desk) {
    let outcome: Result<(), Fault> = async {
        let request = FlowsRequest { follow: true };
        let mut lists = desk.helper()?.flows(request).await.map_err(|status| from_status(&status))?.into_inner();
        let (mut processes, mut users) = (Processes::default(), Users::default());
        while let Some(list) = lists.message().await.map_err(|status| from_status(&status))? {
            // It reads all of /proc.
            let looked = spawn_blocking(move || {
                processes.look_up(&list.flows);
                let rows = list.flows.iter().map(|flow| row(flow, &processes, &mut users)).collect();
                (processes, users, rows)
            });
            let rows;
            (processes, users, rows) = looked.await.unwrap_or_default();
            desk.tell(News::Flows(Ok(rows))).await;
        }
        Err(hawser_client::no_answer())
    }
    .await;
    if let Err(fault) = outcome {
        desk.tell(News::Flows(Err(fault))).await;
    }
}

fn row(flow: &Flow, processes: &Processes, users: &mut Users) -> FlowRow {
    let process = match processes.of(flow) {
        Some(process) => format!("{} ({})", process.name, process.pid),
        None if flow.inode == 0 => String::new(),
        None => users.look_up(flow.uid).map_or_else(|| format!("uid {}", flow.uid), |name| format!("user {name}")),
    };
    FlowRow {
        id: format!("{}/{}", flow.connection, flow.id),
        connection: flow.connection.clone(),
        protocol: flow.protocol.clone(),
        process,
        name: flow.name.clone(),
        destination: flow.destination.clone(),
        sent: Bytes(flow.sent_bytes),
        received: Bytes(flow.received_bytes),
        round_trip: (flow.round_trip_us != 0).then_some(Us(flow.round_trip_us)),
        opened: Ms(flow.opened),
        state: flow.state.clone(),
        closed: flow.closed.clone(),
    }
}
