//! What a connection needs of the machine that it runs on. The real one is [`crate::machine`]; tests have a pretended one.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hawser_fault::Fault;
use hawser_tunnel::proto::{Catalogue, CheckReply, Distance, PreviewReply, Trial};
use ipnet::IpNet;
use tokio::sync::{RwLock, mpsc, watch};

use crate::conflict::Conflict;
use crate::network::Route;
use crate::plane::{Addresses, ClusterInfo, Counters, Cursor, FlowRecord, PlaneEvent, QueryNews, Way, Ways};
use crate::store::desired::{Id, Routing, Wish};

/// A connection's data plane, readable by others while it is there. Taking it out waits for readers.
pub type PlaneSlot<P> = Arc<RwLock<Option<P>>>;

/// The machine, as a connection sees it.
pub trait Host: Send + Sync + 'static {
    /// What it runs for each connection.
    type Plane: DataPlane;

    /// The ways to the connection's manager. Says what it waits for by `step`.
    fn ways(&self, wish: &Wish, step: &(dyn Fn(&str) + Sync)) -> impl Future<Output = Result<Ways, Fault>> + Send;

    /// Ready when somebody has logged in, so that [`ways`](Host::ways) may succeed where it asked for that.
    fn logged_in(&self, wish: &Wish) -> impl Future<Output = ()> + Send;

    /// The connection is up: what hangs on it begins, or goes on.
    fn settle(&self, wish: &Wish);

    /// Renews what the user is known by before it expires.
    fn stay_logged_in(&self, wish: &Wish) -> impl Future<Output = Infallible> + Send;

    /// What happens to the machine from now on, in words: its network changes, it wakes.
    fn news(&self) -> watch::Receiver<String>;

    /// Counts how often it was looked who resolves names: what [`ask`](Host::ask) finds may be another then.
    fn resolver_looks(&self) -> watch::Receiver<u64>;

    /// Takes away what the connection has in the cluster.
    fn leave(&self, wish: &Wish) -> impl Future<Output = ()> + Send;

    /// Addresses that must be reached past the tunnel, since it leads over them.
    fn carriers(&self, wish: &Wish) -> impl Future<Output = Vec<IpAddr>> + Send;

    /// Every network that the host routes somewhere.
    fn routed(&self) -> impl Future<Output = Result<Vec<IpNet>, Fault>> + Send;

    /// Makes the device and starts the thread that serves it.
    fn start_plane(
        &self,
        wish: &Wish,
        addresses: &Addresses,
    ) -> Result<(Self::Plane, mpsc::Receiver<PlaneEvent>), Fault>;

    /// Sets up the device with its addresses; says whether IPv6 is among them.
    fn bring_up(&self, device: &str, addresses: &Addresses) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Every route of the host.
    fn routes(&self) -> impl Future<Output = Result<Vec<Route>, Fault>> + Send;

    /// What keeps `subnets` from being routed to the wish's device without taking them from somebody else, given the host's routes.
    fn conflicts(&self, wish: &Wish, subnets: &[IpNet], routes: &[Route])
    -> impl Future<Output = Vec<Conflict>> + Send;

    /// Of `subnets`, those that the host reaches by itself, given that it so reaches `near`, an address in the cluster.
    fn reached_beside(&self, near: IpAddr, subnets: &[IpNet])
    -> impl Future<Output = Result<Vec<IpNet>, Fault>> + Send;

    /// Routes `add` to the device and takes `remove` from it; nothing that is in neither is touched, not even for a moment.
    fn route(
        &self,
        device: &str,
        addresses: &Addresses,
        add: &[IpNet],
        remove: &[IpNet],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Points the cluster's names at the connection's name server; replaces what the same connection asked for before.
    fn point_names(&self, id: &Id, names: Names) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Undoes [`point_names`](Host::point_names); harmless if there was none.
    fn withdraw_names(&self, id: &Id) -> impl Future<Output = ()> + Send;

    /// Asks the connection's own name server about a domain, to see that the way to it works, then the host's resolver, to see
    /// that it asks there and that some name leads to this connection.
    fn ask(&self, id: &Id, server: SocketAddr, domain: &str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Keeps what a connection's user wants to have routed.
    fn keep_routing(&self, id: &Id, routing: Routing) -> Result<(), Fault>;

    /// Drops a connection from the desired state because it never came to be.
    fn forget(&self, id: &Id);
}

/// What a connection asks of the host's resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The connection's device.
    pub device: String,
    /// The connection's name server.
    pub server: IpAddr,
    /// What the connection is called, as a domain; empty if that is none.
    pub suffix: String,
    /// What single labels are looked up under; may be empty.
    pub search_domain: String,
    /// What the cluster answers for.
    pub domains: Vec<String>,
}

/// A running data plane.
pub trait DataPlane: Send + Sync + 'static {
    /// Dials the manager by the first way that leads there and puts the link to use; has its own deadline.
    fn link(&self, ways: Vec<Way>) -> impl Future<Output = Result<ClusterInfo, Fault>> + Send;
    /// Dials all these ways at once and has new flows take the first that leads to the manager; has its own deadline.
    fn upgrade(&self, ways: Vec<Way>) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The address at which one of these ways leads to the manager.
    fn reaches(&self, ways: Vec<Way>) -> impl Future<Output = Option<IpAddr>> + Send;
    /// Asks each link at once whether it lives, because of what has happened.
    fn doubt(&self, why: String) -> impl Future<Output = ()> + Send;
    /// Ready when it has come around to answer.
    fn answers(&self) -> impl Future<Output = ()> + Send;
    /// Totals since the start.
    fn counters(&self) -> Counters;
    /// Open flows, then the last closed ones.
    fn flows(&self) -> impl Future<Output = Vec<FlowRecord>> + Send;
    /// The questions for names that were answered since.
    fn queries(&self, since: Cursor) -> impl Future<Output = QueryNews> + Send;
    /// What the user may work on in the cluster, beginning with the whole; a fault is the last message.
    fn browse(&self, namespaces: Vec<String>) -> impl Future<Output = mpsc::Receiver<Result<Catalogue, Fault>>> + Send;
    /// Whether new pods of this namespace can get an agent.
    fn check(&self, namespace: String) -> impl Future<Output = Result<CheckReply, Fault>> + Send;
    /// What an intercept with this spec (JSON) would change in this namespace.
    fn preview(&self, namespace: String, spec: String) -> impl Future<Output = Result<PreviewReply, Fault>> + Send;
    /// How far the agents of its intercepts are from the manager.
    fn distances(&self) -> impl Future<Output = Result<Vec<Distance>, Fault>> + Send;
    /// What the manager finds of the ways to an intercept's pods.
    fn prove(&self, uid: String) -> impl Future<Output = Result<Vec<Trial>, Fault>> + Send;
    /// Ends every flow, then the thread, then the device.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

impl DataPlane for crate::plane::Plane {
    async fn link(&self, ways: Vec<Way>) -> Result<ClusterInfo, Fault> {
        crate::plane::Plane::link(self, ways).await
    }

    async fn upgrade(&self, ways: Vec<Way>) -> Result<(), Fault> {
        crate::plane::Plane::upgrade(self, ways).await
    }

    async fn reaches(&self, ways: Vec<Way>) -> Option<IpAddr> {
        crate::plane::Plane::reaches(self, ways).await
    }

    async fn doubt(&self, why: String) {
        crate::plane::Plane::doubt(self, why).await;
    }

    async fn answers(&self) {
        crate::plane::Plane::answers(self).await;
    }

    fn counters(&self) -> Counters {
        crate::plane::Plane::counters(self)
    }

    async fn flows(&self) -> Vec<FlowRecord> {
        crate::plane::Plane::flows(self).await
    }

    async fn queries(&self, since: Cursor) -> QueryNews {
        crate::plane::Plane::queries(self, since).await
    }

    async fn browse(&self, namespaces: Vec<String>) -> mpsc::Receiver<Result<Catalogue, Fault>> {
        crate::plane::Plane::browse(self, namespaces).await
    }

    async fn check(&self, namespace: String) -> Result<CheckReply, Fault> {
        crate::plane::Plane::check(self, namespace).await
    }

    async fn preview(&self, namespace: String, spec: String) -> Result<PreviewReply, Fault> {
        crate::plane::Plane::preview(self, namespace, spec).await
    }

    async fn distances(&self) -> Result<Vec<Distance>, Fault> {
        crate::plane::Plane::distances(self).await
    }

    async fn prove(&self, uid: String) -> Result<Vec<Trial>, Fault> {
        crate::plane::Plane::prove(self, uid).await
    }

    async fn stop(self) {
        crate::plane::Plane::stop(self).await;
    }
}
