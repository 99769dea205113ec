//! What costs something is followed only while somebody looks at it.

use hawser_client::intercept::listeners;
use hawser_client::processes::Processes;
use hawser_fault::Fault;
use hawser_ipc::from_status;
use hawser_ipc::proto::{BrowseRequest, Flow, FlowsRequest};
use nix::unistd::{Uid, User};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use crate::desk::Desk;
use crate::facts::Facts;
use crate::limits;
use crate::news::News;
use crate::view::{Bytes, FlowRow, Ms, Screen, Us};

/// What is followed now.
#[derive(Default)]
pub(crate) struct Streams {
    flows: Option<Running<u64>>,
    catalogue: Option<Running<(u64, String)>>,
    listeners: Option<Running<()>>,
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
        let link = facts.helper.client.is_some().then_some(facts.helper.links);
        let looked_at = facts.is_shown(Screen::Traffic) && !facts.flows.query.paused;
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
    }
}

fn replace<K: PartialEq, F>(slot: &mut Option<Running<K>>, wanted: Option<K>, task: impl FnOnce(&K) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    match wanted {
        None => *slot = None,
        Some(key) if slot.as_ref().is_some_and(|running| running.key == key) => {}
        Some(key) => {
            let task = tokio::spawn(task(&key));
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
        let mut processes = Processes::default();
        while let Some(list) = lists.message().await.map_err(|status| from_status(&status))? {
            // It reads all of /proc.
            let looked = spawn_blocking(move || {
                processes.look_up(&list.flows);
                let rows = list.flows.iter().map(|flow| row(flow, &processes)).collect();
                (processes, rows)
            });
            let rows;
            (processes, rows) = match looked.await {
                Ok(looked) => looked,
                Err(_) => (Processes::default(), Vec::new()),
            };
            desk.tell(News::Flows(Ok(rows))).await;
        }
        Err(hawser_client::no_answer())
    }
    .await;
    if let Err(fault) = outcome {
        desk.tell(News::Flows(Err(fault))).await;
    }
}

fn row(flow: &Flow, processes: &Processes) -> FlowRow {
    let process = match processes.of(flow) {
        Some(process) => format!("{} ({})", process.name, process.pid),
        None if flow.inode == 0 => String::new(),
        None => {
            let user = User::from_uid(Uid::from_raw(flow.uid)).ok().flatten().map(|user| user.name);
            user.map_or_else(|| format!("uid {}", flow.uid), |name| format!("user {name}"))
        }
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
