//! One connection's data plane: a thread of its own that owns the TUN, the flows, the resolver and the link.
//!
//! Everything hot happens on that thread (`thread.rs`); what it works on is the data path (`path.rs`), which the link's outgoing side
//! shares. The rest of the helper holds a [`Plane`] and sends it commands.

mod cluster;
mod deliveries;
mod join;
mod links;
mod path;
mod queries;
mod records;
mod requests;
#[cfg(test)]
mod tests;
mod thread;
mod upstream;
mod way;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use hawser_dns::ClusterNames;
use hawser_fault::{Code, Fault};
use hawser_tunnel::client::Caller;
use hawser_tunnel::identity::Identity;
use hawser_tunnel::link::Shared;
use hawser_tunnel::proto::{Catalogue, CheckReply, Distance, PreviewReply, Trial};
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::{oneshot, watch};

use path::DataPath;
use thread::Command;

use crate::resolver::Upstreams;

pub use deliveries::{Delivered, Deliveries, Handlers};
pub use queries::{Cursor, QueryNews, QueryRecord};
pub use way::{Path, Role, Way, Ways};

/// The laptop's own addresses on a VIF, and those of its name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The laptop.
    pub v4: Ipv4Addr,
    /// The laptop.
    pub v6: Ipv6Addr,
    /// The name server.
    pub dns_v4: Ipv4Addr,
    /// The name server.
    pub dns_v6: Ipv6Addr,
}

/// What a plane is started with.
pub struct PlaneConfig {
    /// Name of the TUN device.
    pub device: String,
    /// See [`Addresses`].
    pub addresses: Addresses,
    /// What names of the cluster can be told apart by from another's; may be empty.
    pub suffix: String,
    /// The user's key.
    pub identity: Arc<Identity>,
    /// Where other names are asked, now and later.
    pub upstreams: watch::Receiver<Upstreams>,
    /// What comes from the cluster, where there are intercepts.
    pub deliveries: Option<Arc<Deliveries>>,
}

/// What the manager said of its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterInfo {
    /// Name and version of the manager.
    pub software: String,
    /// How new flows reach it.
    pub way: String,
    /// The other end of that way, if it is one past the API server: it must not be routed to the cluster.
    pub peer: Option<IpAddr>,
    /// Routed to the cluster.
    pub subnets: Vec<IpNet>,
    /// Not routed there, where that is more specific than a subnet.
    pub excluded_subnets: Vec<IpNet>,
    /// Not routed there, because the host reaches them by itself.
    pub left_alone: Vec<IpNet>,
    /// What is resolved by the cluster.
    pub names: ClusterNames,
    /// What its administrators have set besides.
    pub served: Served,
}

/// What a cluster's administrators have set for every laptop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Among the subnets.
    pub also: Vec<IpNet>,
    /// Not routed to the cluster.
    pub never: Vec<IpNet>,
    /// How long a pod keeps an agent that nobody uses, in seconds; 0: for good.
    pub agent_idle_s: u32,
}

/// What a plane says by itself.
#[derive(Debug)]
pub enum PlaneEvent {
    /// No link is left.
    Lost(Fault),
    /// A link is gone or about to go, another one carries on: it wants to be replaced.
    Replace(Role, Fault),
    /// The cluster is another than it was said to be, or new flows reach it by another way.
    Changed(Box<ClusterInfo>),
}

/// Totals of a plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Last heartbeat.
    pub round_trip_us: u64,
    /// To the cluster.
    pub sent_bytes: u64,
    /// From the cluster.
    pub received_bytes: u64,
    /// Now.
    pub open_flows: u32,
}

/// One flow.
#[derive(Clone, Debug)]
pub struct FlowRecord {
    /// Unique in its plane.
    pub id: u64,
    /// tcp, udp, echo or dns.
    pub protocol: &'static str,
    /// On the laptop.
    pub source: SocketAddr,
    /// In the cluster.
    pub destination: SocketAddr,
    /// As asked for.
    pub name: Option<String>,
    /// To the cluster.
    pub sent_bytes: u64,
    /// From the cluster.
    pub received_bytes: u64,
    /// When.
    pub opened: SystemTime,
    /// Manager to target.
    pub round_trip_us: u64,
    /// In a word.
    pub state: &'static str,
    /// Why.
    pub closed: Option<String>,
}

/// A running data plane.
pub struct Plane {
    path: Shared<DataPath>,
    commands: mpsc::Sender<Command>,
    thread: std::thread::JoinHandle<()>,
}

/// Commands that wait for the thread, and events that wait for the connection.
const QUEUE: usize = 16;

impl Plane {
    /// Makes the device, down and without addresses, and starts the thread.
    ///
    /// # Errors
    /// `tun-unavailable` if there can be no device.
    pub fn start(config: PlaneConfig) -> Result<(Plane, Receiver<PlaneEvent>), Fault> {
        let device = config.device.clone();
        let unavailable = |error| Fault::new(Code::TunUnavailable, format!("{device} cannot be made: {error}"));
        let path = Arc::new(Mutex::new(DataPath::create(&config).map_err(unavailable)?));
        let (commands, command_queue) = mpsc::channel(QUEUE);
        let (events, event_queue) = mpsc::channel(QUEUE);
        let thread = thread::start(path.clone(), &config, command_queue, events).map_err(unavailable)?;
        Ok((Plane { path, commands, thread }, event_queue))
    }

    /// Dials the manager by the first way that leads there, attaches the flows to the link and says what the cluster is.
    /// Called again it replaces the link that it made before, whose flows end where they are.
    ///
    /// # Errors
    /// Whatever kept the last of the links from being made; each is tried for at most five seconds.
    pub async fn link(&self, ways: Vec<Way>) -> Result<ClusterInfo, Fault> {
        let (reply, answer) = oneshot::channel();
        let gone = || Fault::new(Code::Internal, "the data plane's thread has ended");
        let command = Command::Link { ways, reply };
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Dials all these ways at once and attaches the first that leads to the manager beside the link that is there; new flows
    /// take it.
    ///
    /// # Errors
    /// Whatever kept the last of the links from being made; each is tried for at most five seconds.
    pub async fn upgrade(&self, ways: Vec<Way>) -> Result<(), Fault> {
        let (reply, answer) = oneshot::channel();
        let gone = || Fault::new(Code::Internal, "the data plane's thread has ended");
        let command = Command::Upgrade { ways, reply };
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The address at which one of these ways leads to the manager; `None` if none does. Nothing of it is kept.
    pub async fn reaches(&self, ways: Vec<Way>) -> Option<IpAddr> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Probe { ways, reply }).await.ok()?;
        answer.await.ok()?
    }

    /// Asks each link at once whether it lives; one that does not answer soon ends with `why` as the likely cause.
    pub async fn doubt(&self, why: String) {
        // Without the thread there is no link either.
        let _ = self.commands.send(Command::Doubt { why }).await;
    }

    /// Ready when its thread has come around, and so if it has ended: who follows its events knows that.
    pub async fn answers(&self) {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Ping { reply }).await.is_ok() {
            let _ = answer.await;
        }
    }

    /// What went through so far.
    pub fn counters(&self) -> Counters {
        self.path.lock().counters()
    }

    /// The open flows, then the last closed ones.
    pub async fn flows(&self) -> Vec<FlowRecord> {
        self.path.lock().flows()
    }

    /// The questions for names that were answered since.
    pub async fn queries(&self, since: Cursor) -> QueryNews {
        self.path.lock().queries(since)
    }

    /// What the user may work on in the cluster, beginning with the whole; a fault is the last message.
    pub async fn browse(&self, namespaces: Vec<String>) -> Receiver<Result<Catalogue, Fault>> {
        let (reply, catalogues) = mpsc::channel(1);
        // If the thread is gone, so is the reply's other end.
        let _ = self.commands.send(Command::Browse { namespaces, reply }).await;
        catalogues
    }

    /// Whether new pods of this namespace can get an agent.
    ///
    /// # Errors
    /// As [`prove`](Plane::prove).
    pub async fn check(&self, namespace: String) -> Result<CheckReply, Fault> {
        Ok(self.caller().await?.check(namespace).await?)
    }

    /// What an intercept with this spec (JSON) would change in this namespace.
    ///
    /// # Errors
    /// As [`prove`](Plane::prove).
    pub async fn preview(&self, namespace: String, spec: String) -> Result<PreviewReply, Fault> {
        Ok(self.caller().await?.preview(namespace, spec).await?)
    }

    /// What the manager finds of the ways to an intercept's pods.
    ///
    /// # Errors
    /// `link-lost`; `manager-unreachable` and the like if the connection broke or the manager is too old.
    pub async fn prove(&self, uid: String) -> Result<Vec<Trial>, Fault> {
        Ok(self.caller().await?.prove(uid).await?)
    }

    /// How far the agents of its intercepts are from the manager.
    ///
    /// # Errors
    /// As [`prove`](Plane::prove).
    pub async fn distances(&self) -> Result<Vec<Distance>, Fault> {
        Ok(self.caller().await?.distances().await?)
    }

    async fn caller(&self) -> Result<Caller, Fault> {
        let (reply, answer) = oneshot::channel();
        let gone = || Fault::new(Code::Internal, "the data plane's thread has ended");
        self.commands.send(Command::Caller { reply }).await.map_err(|_| gone())?;
        let caller = answer.await.map_err(|_| gone())?;
        caller.ok_or_else(|| Fault::new(Code::LinkLost, "there is no link to the manager now"))
    }

    /// Resets all flows, tells the manager, and ends the thread; the device goes with it.
    pub async fn stop(self) {
        let _ = self.commands.send(Command::Stop).await;
        let thread = self.thread;
        // The thread ends within the time that it gives the link to send its farewell.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}
