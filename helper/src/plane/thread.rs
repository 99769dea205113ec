//! The thread: waits for packets, for the links, for time and for commands, and gives each its turn.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hawser_dns::LookupId;
use hawser_fault::{Code, Fault};
use hawser_tunnel::client::Caller;
use hawser_tunnel::error::LinkError;
use hawser_tunnel::link::Shared;
use hawser_tunnel::proto::{Catalogue, Change};
use hawser_vif::LinkId;
use tokio::sync::{mpsc, oneshot, watch};

use super::join::Joiner;
use super::links::{Linked, Links};
use super::path::DataPath;
use super::{ClusterInfo, PlaneConfig, PlaneEvent, Role, Way, upstream};
use crate::limits;
use crate::resolver::Upstreams;

/// What the rest of the helper asks of the thread.
pub(super) enum Command {
    Link {
        ways: Vec<Way>,
        reply: oneshot::Sender<Result<ClusterInfo, Fault>>,
    },
    Upgrade {
        ways: Vec<Way>,
        reply: oneshot::Sender<Result<(), Fault>>,
    },
    Probe {
        ways: Vec<Way>,
        reply: oneshot::Sender<Option<IpAddr>>,
    },
    Doubt {
        why: String,
    },
    Browse {
        namespaces: Vec<String>,
        reply: mpsc::Sender<Result<Catalogue, Fault>>,
    },
    /// Who asks the manager by the best link; none if there is no link.
    Caller {
        reply: oneshot::Sender<Option<Caller>>,
    },
    /// Answered when the thread comes around.
    Ping {
        reply: oneshot::Sender<()>,
    },
    Stop,
}

/// What the thread's own tasks bring back.
pub(super) enum Brought {
    Linked {
        result: Result<Linked, Fault>,
        reply: oneshot::Sender<Result<ClusterInfo, Fault>>,
    },
    Upgraded {
        result: Result<Linked, Fault>,
        reply: oneshot::Sender<Result<(), Fault>>,
    },
    /// A link that did not come to be.
    Gone(LinkId),
    Changed(LinkId, Change),
    HostAnswer {
        lookup: LookupId,
        /// With who gave it.
        answer: Option<(SocketAddr, Vec<u8>)>,
    },
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
        joiner: Joiner {
            path: path.clone(),
            identity: config.identity.clone(),
            deliveries: config.deliveries.clone(),
            bring,
        },
        path,
        upstreams: config.upstreams.clone(),
        own_server: config.addresses.dns_v4.into(),
        links: Links::default(),
        told: None,
        doubt: None,
        events,
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
    joiner: Joiner,
    upstreams: watch::Receiver<Upstreams>,
    own_server: IpAddr,
    links: Links,
    /// What the connection knows of the cluster; nothing while there is no link.
    told: Option<ClusterInfo>,
    /// What last happened to the host, and when.
    doubt: Option<(Instant, String)>,
    events: mpsc::Sender<PlaneEvent>,
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
                (link, bytes) = self.links.receive() => self.receive(link, bytes).await,
                ready = readiness.readable() => {
                    ready?;
                    if !self.path.lock().read_packets(Instant::now())? {
                        readiness.drained();
                    }
                }
                () = &mut timer => self.pass_time().await,
                Some(brought) = brought.recv() => self.bring_in(brought).await,
                command = commands.recv() => match command {
                    Some(Command::Link { ways, reply }) => self.link(ways, reply),
                    Some(Command::Upgrade { ways, reply }) => self.upgrade(ways, reply),
                    Some(Command::Probe { ways, reply }) => self.probe(ways, reply),
                    Some(Command::Doubt { why }) => {
                        let now = Instant::now();
                        self.doubt = Some((now, why));
                        self.path.lock().probe(now);
                    }
                    Some(Command::Browse { namespaces, reply }) => self.browse(namespaces, reply),
                    Some(Command::Caller { reply }) => {
                        let _ = reply.send(self.links.best().map(|linked| linked.caller.clone()));
                    }
                    Some(Command::Ping { reply }) => drop(reply.send(())),
                    Some(Command::Stop) | None => return self.stop().await,
                },
            }
            self.ask_host();
            let path = self.path.lock();
            self.links.iter().filter(|linked| path.has_frames(linked.id)).for_each(|linked| linked.link.wake());
        }
    }

    async fn receive(&mut self, link: LinkId, bytes: Result<Bytes, LinkError>) {
        let result = bytes.and_then(|bytes| self.path.lock().receive(link, bytes, Instant::now()));
        if let Err(error) = result {
            return self.lost(link, error.into()).await;
        }
        let leaving = self.path.lock().take_leaving();
        for link in leaving {
            self.leaves(link).await;
        }
    }

    async fn pass_time(&mut self) {
        loop {
            let result = self.path.lock().handle_timeout(Instant::now());
            match result {
                Ok(()) => return self.prune(),
                Err(link) => self.lost(link, self.silent()).await,
            }
        }
    }

    /// What has just happened to the host is the likely cause.
    fn silent(&self) -> Fault {
        let fault = Fault::from(LinkError::Silent);
        match &self.doubt {
            Some((at, why)) if at.elapsed() < limits::LIKELY_CAUSE => {
                Fault { detail: format!("{why}, and the manager does not answer since"), ..fault }
            }
            _ => fault,
        }
    }

    fn link(&self, ways: Vec<Way>, reply: oneshot::Sender<Result<ClusterInfo, Fault>>) {
        let joiner = self.joiner.clone();
        tokio::spawn(async move {
            let result = joiner.first(ways).await;
            let _ = joiner.bring.send(Brought::Linked { result, reply }).await;
        });
    }

    fn upgrade(&self, ways: Vec<Way>, reply: oneshot::Sender<Result<(), Fault>>) {
        let joiner = self.joiner.clone();
        tokio::spawn(async move {
            let result = joiner.fastest(ways).await;
            let _ = joiner.bring.send(Brought::Upgraded { result, reply }).await;
        });
    }

    fn probe(&self, ways: Vec<Way>, reply: oneshot::Sender<Option<IpAddr>>) {
        let joiner = self.joiner.clone();
        tokio::spawn(async move {
            let _ = reply.send(joiner.reached(ways).await);
        });
    }

    fn browse(&self, namespaces: Vec<String>, reply: mpsc::Sender<Result<Catalogue, Fault>>) {
        let Some(linked) = self.links.best() else {
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
            // Whoever asked for it has another one by now, or wants none any more.
            Brought::Linked { result: Ok(linked), reply } if reply.is_closed() => {
                let id = linked.id;
                drop(linked);
                self.path.lock().link_down(id, !self.links.is_empty(), Instant::now());
            }
            Brought::Linked { result: Ok(linked), reply } => {
                let cluster = linked.cluster.clone();
                self.retire(Role::Base).await;
                self.links.add(linked);
                self.told = Some(self.links.best().map_or(cluster, |best| best.cluster.clone()));
                self.take_best().await;
                let _ = reply.send(Ok(self.told.clone().unwrap_or_default()));
            }
            Brought::Upgraded { result: Ok(linked), reply } => {
                self.retire(Role::Direct).await;
                self.links.add(linked);
                self.take_best().await;
                let _ = reply.send(Ok(()));
            }
            Brought::Linked { result: Err(fault), reply } => {
                let _ = reply.send(Err(fault));
            }
            Brought::Upgraded { result: Err(fault), reply } => {
                let _ = reply.send(Err(fault));
            }
            Brought::Gone(link) => self.path.lock().link_down(link, !self.links.is_empty(), Instant::now()),
            Brought::Changed(link, change) => self.change(link, &change).await,
            Brought::HostAnswer { lookup, answer } => {
                self.host_lookups -= 1;
                self.path.lock().host_reply(lookup, answer, Instant::now());
            }
        }
    }

    async fn change(&mut self, link: LinkId, change: &Change) {
        let Some(linked) = self.links.get_mut(link) else { return };
        match linked.cluster.apply(change) {
            Ok(()) => self.take_best().await,
            Err(error) => self.lost(link, error.into()).await,
        }
    }

    /// Another link of this role is there: the former one's flows end where they are, if its manager gives them the time.
    async fn retire(&mut self, role: Role) {
        let former: Vec<LinkId> =
            self.links.iter().filter(|linked| linked.role == role && !linked.leaving).map(|linked| linked.id).collect();
        for link in former {
            self.links.remove(link);
            self.path.lock().link_down(link, true, Instant::now());
        }
    }

    /// Ends links that leave and carry nothing any more, if another one is there.
    fn prune(&mut self) {
        if self.links.best().is_none_or(|best| best.leaving) {
            return;
        }
        let idle: Vec<LinkId> = {
            let path = self.path.lock();
            let is_idle = |linked: &&Linked| {
                linked.leaving && path.flows_on(linked.id) == 0 && linked.deliveries_under_way() == 0
            };
            self.links.iter().filter(is_idle).map(|linked| linked.id).collect()
        };
        for link in idle {
            self.links.remove(link);
            self.path.lock().link_down(link, true, Instant::now());
        }
    }

    /// The manager behind a link is about to stop.
    async fn leaves(&mut self, link: LinkId) {
        let Some(linked) = self.links.get_mut(link).filter(|linked| !linked.leaving) else { return };
        linked.leaving = true;
        let role = linked.role;
        self.take_best().await;
        let _ = self.events.send(PlaneEvent::Replace(role, LinkError::GoingAway.into())).await;
    }

    async fn lost(&mut self, link: LinkId, cause: Fault) {
        let Some(linked) = self.links.remove(link) else { return };
        // First, so that what moves over from the lost one takes the right one.
        self.take_best().await;
        self.path.lock().link_down(link, !self.links.is_empty(), Instant::now());
        if self.links.is_empty() {
            self.told = None;
            let _ = self.events.send(PlaneEvent::Lost(cause)).await;
        } else if !linked.leaving {
            let _ = self.events.send(PlaneEvent::Replace(linked.role, cause)).await;
        }
    }

    /// Has new flows take the best link, and says what that changes.
    async fn take_best(&mut self) {
        let Some(best) = self.links.best() else { return };
        let (id, cluster) = (best.id, best.cluster.clone());
        self.path.lock().prefer(id);
        if self.told.as_ref().is_none_or(|told| *told == cluster) {
            return;
        }
        let names = self.path.lock().set_names(&cluster);
        if let Err(error) = names {
            return Box::pin(self.lost(id, error.into())).await;
        }
        self.told = Some(cluster.clone());
        let _ = self.events.send(PlaneEvent::Changed(Box::new(cluster))).await;
    }

    fn ask_host(&mut self) {
        let lookups = self.path.lock().take_host_lookups();
        for lookup in lookups {
            let servers = upstream::servers(&self.upstreams.borrow(), &lookup, self.own_server);
            if self.host_lookups >= upstream::LOOKUPS || servers.is_empty() {
                self.path.lock().host_reply(lookup.id, None, Instant::now());
                continue;
            }
            self.host_lookups += 1;
            let bring = self.joiner.bring.clone();
            tokio::spawn(async move {
                let answer = upstream::ask(&servers, &lookup).await;
                let _ = bring.send(Brought::HostAnswer { lookup: lookup.id, answer }).await;
            });
        }
    }

    async fn stop(self) -> io::Result<()> {
        let now = Instant::now();
        self.path.lock().go_away(now);
        if !self.links.is_empty() {
            self.links.iter().for_each(|linked| linked.link.wake());
            tokio::time::sleep(FAREWELL).await;
        }
        for linked in self.links.iter() {
            self.path.lock().link_down(linked.id, false, now);
        }
        Ok(())
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
