//! The thread: waits for packets, for the link, for time and for commands, and gives each its turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hawser_dns::LookupId;
use hawser_fault::Fault;
use hawser_tunnel::client::{self, Connection};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::identity::{Identity, Pin};
use hawser_tunnel::link::{Link, Shared};
use hawser_tunnel::proto::HelloReply;
use tokio::sync::{mpsc, oneshot};

use super::path::DataPath;
use super::{ClusterInfo, PlaneConfig, PlaneEvent, upstream};

/// What the rest of the helper asks of the thread.
pub(super) enum Command {
    Link { address: String, pin: Pin, reply: oneshot::Sender<Result<ClusterInfo, Fault>> },
    Stop,
}

/// What the thread's own tasks bring back.
enum Brought {
    Linked {
        result: Result<(ClusterInfo, Link, Connection), LinkError>,
        reply: oneshot::Sender<Result<ClusterInfo, Fault>>,
    },
    HostAnswer {
        lookup: LookupId,
        answer: Option<Vec<u8>>,
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
    link: Option<(Link, Connection)>,
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
                    Some(Command::Link { address, pin, reply }) => self.dial(address, pin, reply),
                    Some(Command::Stop) | None => return self.stop().await,
                },
            }
            self.ask_host();
            if let Some((link, _)) = &self.link
                && self.path.lock().has_frames()
            {
                link.wake();
            }
        }
    }

    fn dial(&self, address: String, pin: Pin, reply: oneshot::Sender<Result<ClusterInfo, Fault>>) {
        let (path, identity, bring) = (self.path.clone(), self.identity.clone(), self.bring.clone());
        tokio::spawn(async move {
            let result = join(&address, &identity, pin, path).await;
            let _ = bring.send(Brought::Linked { result, reply }).await;
        });
    }

    async fn bring_in(&mut self, brought: Brought) {
        match brought {
            Brought::Linked { result: Ok((cluster, link, connection)), reply } => {
                self.link = Some((link, connection));
                let _ = reply.send(Ok(cluster));
            }
            Brought::Linked { result: Err(error), reply } => {
                self.path.lock().link_down(Instant::now());
                let _ = reply.send(Err(self.explain(error)));
            }
            Brought::HostAnswer { lookup, answer } => {
                self.host_lookups -= 1;
                self.path.lock().host_reply(lookup, answer.as_deref(), Instant::now());
            }
        }
    }

    async fn link_lost_on(&mut self, result: Result<(), LinkError>) {
        let Err(error) = result else { return };
        if self.link.take().is_none() {
            return;
        }
        self.path.lock().link_down(Instant::now());
        let _ = self.events.send(PlaneEvent::Lost(self.explain(error))).await;
    }

    fn explain(&self, error: LinkError) -> Fault {
        let unknown = matches!(error, LinkError::NotAdmitted);
        let fault = Fault::from(error);
        if !unknown {
            return fault;
        }
        let pin = self.identity.pin();
        fault.with_fix(format!("Have the manager's operator add \"{pin}\" to authorised_keys in the manager's file."))
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
        if let Some((link, _)) = &self.link {
            link.wake();
            tokio::time::sleep(FAREWELL).await;
        }
        self.path.lock().link_down(now);
        Ok(())
    }
}

async fn receive(link: &mut Option<(Link, Connection)>) -> Result<bytes::Bytes, LinkError> {
    match link {
        Some((link, _)) => link.receive().await,
        None => std::future::pending().await,
    }
}

async fn join(
    address: &str,
    identity: &Identity,
    pin: Pin,
    path: Shared<DataPath>,
) -> Result<(ClusterInfo, Link, Connection), LinkError> {
    let dialled = client::dial(address, identity, pin).await?;
    let cluster = cluster(&dialled.hello)?;
    path.lock().link_up(&cluster)?;
    let (link, connection) = dialled.attach(path).await?;
    Ok((cluster, link, connection))
}

fn cluster(hello: &HelloReply) -> Result<ClusterInfo, LinkError> {
    let subnets = hello.subnets.iter().map(|text| {
        let net: Option<ipnet::IpNet> = text.parse().ok();
        net.filter(|net| net.prefix_len() > 0)
            .ok_or_else(|| LinkError::Hello(format!("the manager names an impossible subnet: {text:?}")))
    });
    Ok(ClusterInfo {
        software: hello.software.clone(),
        subnets: subnets.collect::<Result<_, _>>()?,
        domains: hello.domains.clone(),
        search_domain: hello.search_domain.clone(),
    })
}
