//! The thread: waits for packets, for the link, for time and for commands, and gives each its turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hawser_dns::LookupId;
use hawser_fault::{Code, Fault};
use hawser_kube::ApiError;
use hawser_tunnel::client::{self, Caller, Connection, Dialled};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::identity::Identity;
use hawser_tunnel::link::{Link, Shared};
use hawser_tunnel::proto::{Catalogue, Change};
use tokio::sync::{mpsc, oneshot};

use super::path::DataPath;
use super::{ClusterInfo, Path, PlaneConfig, PlaneEvent, Way, upstream};

/// What the rest of the helper asks of the thread.
pub(super) enum Command {
    Link { ways: Vec<Way>, reply: oneshot::Sender<Result<ClusterInfo, Fault>> },
    Browse { namespaces: Vec<String>, reply: mpsc::Sender<Result<Catalogue, Fault>> },
    Stop,
}

/// What the thread's own tasks bring back.
enum Brought {
    Linked { result: Result<Linked, Fault>, reply: oneshot::Sender<Result<ClusterInfo, Fault>> },
    Changed(Change),
    HostAnswer { lookup: LookupId, answer: Option<Vec<u8>> },
}

/// A link in use. Dropping it ends it.
struct Linked {
    cluster: ClusterInfo,
    link: Link,
    caller: Caller,
    _connection: Connection,
    _news: News,
}

/// The task that follows the cluster's changes; it ends with the link.
struct News(tokio::task::JoinHandle<()>);

impl Drop for News {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Time for the farewell to leave.
const FAREWELL: Duration = Duration::from_millis(50);
const FAR_AHEAD: Duration = Duration::from_secs(3600);

pub(super) fn start(
    path: Shared<DataPath>,
    config: &PlaneConfig,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<PlaneEvent>,
) -> io::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (bring, brought) = mpsc::channel(upstream::LOOKUPS + 1);
    let worker = Worker {
        path,
        identity: config.identity.clone(),
        upstreams: config.upstreams.clone().into(),
        link: None,
        events,
        bring,
        host_lookups: 0,
    };
    std::thread::Builder::new().name(config.device.clone()).spawn(move || {
        if let Err(error) = runtime.block_on(worker.run(commands, brought)) {
            tracing::error!(%error, "the data plane ended");
        }
    })
}

struct Worker {
    path: Shared<DataPath>,
    identity: Arc<Identity>,
    upstreams: Arc<[SocketAddr]>,
    link: Option<Linked>,
    events: mpsc::Sender<PlaneEvent>,
    bring: mpsc::Sender<Brought>,
    host_lookups: usize,
}

impl Worker {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut brought: mpsc::Receiver<Brought>,
    ) -> io::Result<()> {
        let readiness = self.path.lock().readiness()?;
        let timer = tokio::time::sleep(FAR_AHEAD);
        tokio::pin!(timer);
        loop {
            let deadline = self.path.lock().next_deadline().unwrap_or_else(|| Instant::now() + FAR_AHEAD);
            if timer.deadline().into_std() != deadline {
                timer.as_mut().reset(deadline.into());
            }
            tokio::select! {
                bytes = receive(&mut self.link) => {
                    let result = bytes.and_then(|bytes| self.path.lock().receive(bytes, Instant::now()));
                    self.link_lost_on(result).await;
                }
                ready = readiness.readable() => {
                    ready?;
                    if !self.path.lock().read_packets(Instant::now())? {
                        readiness.drained();
                    }
                }
                () = &mut timer => {
                    let result = self.path.lock().handle_timeout(Instant::now());
                    self.link_lost_on(result).await;
                }
                Some(brought) = brought.recv() => self.bring_in(brought).await,
                command = commands.recv() => match command {
                    Some(Command::Link { ways, reply }) => self.dial(ways, reply),
                    Some(Command::Browse { namespaces, reply }) => self.browse(namespaces, reply),
                    Some(Command::Stop) | None => return self.stop().await,
                },
            }
            self.ask_host();
            if let Some(linked) = &self.link
                && self.path.lock().has_frames()
            {
                linked.link.wake();
            }
        }
    }

    fn dial(&self, ways: Vec<Way>, reply: oneshot::Sender<Result<ClusterInfo, Fault>>) {
        let (path, identity, bring) = (self.path.clone(), self.identity.clone(), self.bring.clone());
        tokio::spawn(async move {
            let mut result = Err(Fault::new(Code::ManagerUnreachable, "there is no way to the manager"));
            for way in ways {
                result = join(&way, &identity, path.clone(), bring.clone()).await;
                match &result {
                    Ok(_) => break,
                    Err(fault) => tracing::debug!(way = %way.path, %fault, "no link this way"),
                }
            }
            let _ = bring.send(Brought::Linked { result, reply }).await;
        });
    }

    fn browse(&self, namespaces: Vec<String>, reply: mpsc::Sender<Result<Catalogue, Fault>>) {
        let Some(linked) = &self.link else {
            let _ = reply.try_send(Err(Fault::new(Code::LinkLost, "there is no link to the manager now")));
            return;
        };
        let caller = linked.caller.clone();
        tokio::spawn(async move {
            if let Err(error) = pass_on(&caller, namespaces, &reply).await {
                let _ = reply.send(Err(error.into())).await;
            }
        });
    }

    async fn bring_in(&mut self, brought: Brought) {
        match brought {
            Brought::Linked { result: Ok(linked), reply } => {
                let _ = reply.send(Ok(linked.cluster.clone()));
                self.link = Some(linked);
            }
            Brought::Linked { result: Err(fault), reply } => {
                self.path.lock().link_down(Instant::now());
                let _ = reply.send(Err(fault));
            }
            Brought::Changed(change) => self.change(&change).await,
            Brought::HostAnswer { lookup, answer } => {
                self.host_lookups -= 1;
                self.path.lock().host_reply(lookup, answer.as_deref(), Instant::now());
            }
        }
    }

    async fn change(&mut self, change: &Change) {
        let Some(linked) = &mut self.link else { return };
        let former = linked.cluster.clone();
        if let Err(error) = linked.cluster.apply(change) {
            return self.link_lost_on(Err(error)).await;
        }
        if linked.cluster != former {
            let cluster = linked.cluster.clone();
            let names = self.path.lock().set_names(&cluster);
            if names.is_err() {
                return self.link_lost_on(names).await;
            }
            let _ = self.events.send(PlaneEvent::Changed(cluster)).await;
        }
    }

    async fn link_lost_on(&mut self, result: Result<(), LinkError>) {
        let Err(error) = result else { return };
        if self.link.take().is_none() {
            return;
        }
        self.path.lock().link_down(Instant::now());
        let _ = self.events.send(PlaneEvent::Lost(error.into())).await;
    }

    fn ask_host(&mut self) {
        let lookups = self.path.lock().take_host_lookups();
        for lookup in lookups {
            if self.host_lookups >= upstream::LOOKUPS || self.upstreams.is_empty() {
                self.path.lock().host_reply(lookup.id, None, Instant::now());
                continue;
            }
            self.host_lookups += 1;
            let (servers, bring) = (self.upstreams.clone(), self.bring.clone());
            tokio::spawn(async move {
                let answer = upstream::ask(&servers, &lookup).await;
                let _ = bring.send(Brought::HostAnswer { lookup: lookup.id, answer }).await;
            });
        }
    }

    async fn stop(self) -> io::Result<()> {
        let now = Instant::now();
        self.path.lock().go_away(now);
        if let Some(linked) = &self.link {
            linked.link.wake();
            tokio::time::sleep(FAREWELL).await;
        }
        self.path.lock().link_down(now);
        Ok(())
    }
}

async fn receive(link: &mut Option<Linked>) -> Result<bytes::Bytes, LinkError> {
    match link {
        Some(linked) => linked.link.receive().await,
        None => std::future::pending().await,
    }
}

async fn join(
    way: &Way,
    identity: &Identity,
    path: Shared<DataPath>,
    bring: mpsc::Sender<Brought>,
) -> Result<Linked, Fault> {
    let linked = match &way.path {
        Path::Direct(address) => attach(client::dial(address, identity, way.pin).await, way, path, bring).await,
        Path::PortForward { api, namespace, pod, port } => {
            let stream = api.port_forward(namespace, pod, *port).await.map_err(no_port_forward)?;
            let dialled = client::dial_over(stream, &way.path.to_string(), identity, way.pin).await;
            attach(dialled, way, path, bring).await
        }
    };
    linked.map_err(|error| explain(error, way, identity))
}

async fn attach(
    dialled: Result<Dialled, LinkError>,
    way: &Way,
    path: Shared<DataPath>,
    bring: mpsc::Sender<Brought>,
) -> Result<Linked, LinkError> {
    let dialled = dialled?;
    let mut cluster = ClusterInfo::of(&dialled.hello)?;
    cluster.way = way.path.to_string();
    let (changes, caller) = (dialled.changes().await?, dialled.caller());
    path.lock().link_up(&cluster)?;
    let (link, connection) = dialled.attach(path).await?;
    let news = News(tokio::spawn(follow(changes, bring)));
    Ok(Linked { cluster, link, caller, _connection: connection, _news: news })
}

/// A pod that is gone is no lasting error: another one takes its place.
fn no_port_forward(error: ApiError) -> Fault {
    match error.status() {
        Some(401 | 403) | None => error.into(),
        Some(_) => Fault::new(Code::ManagerUnreachable, error.to_string()),
    }
}

fn explain(error: LinkError, way: &Way, identity: &Identity) -> Fault {
    match (&error, &way.path) {
        (LinkError::NotAdmitted, Path::Direct(_)) => {
            let fix = format!(
                "Have the manager's operator add \"{}\" to authorised_keys in the manager's file.",
                identity.pin()
            );
            Fault::from(error).with_fix(fix)
        }
        // A replica that has just started does not know the session yet.
        (LinkError::NotAdmitted, Path::PortForward { .. }) => {
            Fault::new(Code::ManagerUnreachable, "the manager does not let the session in yet")
        }
        _ => error.into(),
    }
}

/// Passes on what the manager says until nobody listens any more.
async fn pass_on(
    caller: &Caller,
    namespaces: Vec<String>,
    reply: &mpsc::Sender<Result<Catalogue, Fault>>,
) -> Result<(), LinkError> {
    let mut catalogues = caller.browse(namespaces).await?;
    loop {
        tokio::select! {
            catalogue = catalogues.message() => match catalogue {
                Ok(Some(catalogue)) => if reply.send(Ok(catalogue)).await.is_err() { return Ok(()) },
                Ok(None) => return Err(LinkError::Lost("the manager ended the list".to_owned())),
                Err(status) => return Err(LinkError::Lost(status.message().to_owned())),
            },
            () = reply.closed() => return Ok(()),
        }
    }
}

/// Brings what changes in the cluster. The end of it is no news: the link's own end says more.
async fn follow(mut changes: tonic::Streaming<Change>, bring: mpsc::Sender<Brought>) {
    while let Ok(Some(change)) = changes.message().await {
        if bring.send(Brought::Changed(change)).await.is_err() {
            return;
        }
    }
}
