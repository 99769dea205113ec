//! The real host: kernel, resolver and state directory as a connection needs them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::Pin;
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::address::device;
use crate::awareness::Awareness;
use crate::conflict::Conflict;
use crate::connection::{Host, Names};
use crate::intercepts::{InCluster, Intercepts};
use crate::kubernetes::Clusters;
use crate::network::{Network, Route};
use crate::plane::{Addresses, Path, Plane, PlaneConfig, PlaneEvent, Way, Ways};
use crate::resolver::HostResolver;
use crate::store::desired::{Desired, Id, Routing, Target, Wish};
use crate::store::keys::Keys;
use crate::{ask, conflict, limits};

/// Everything of the host that connections share.
pub struct Machine {
    /// Devices, addresses and routes.
    pub network: Network,
    /// Who resolves names.
    pub resolver: Arc<HostResolver>,
    /// What happens to this host.
    pub awareness: Awareness,
    /// The users' keys.
    pub keys: Keys,
    /// Connections to Kubernetes.
    pub clusters: Arc<Clusters>,
    /// What comes from there.
    pub intercepts: Arc<Intercepts<InCluster>>,
    /// Which connections are wanted.
    pub desired: Arc<Mutex<Desired>>,
}

impl Host for Machine {
    type Plane = Plane;

    async fn ways(&self, wish: &Wish, step: &(dyn Fn(&str) + Sync)) -> Result<Ways, Fault> {
        match &wish.target {
            Target::Standalone { address, pin, .. } => {
                step(&format!("dialling the manager {address}"));
                let way = Way { path: Path::Address(address.clone()), pins: vec![parse_pin(pin)?] };
                Ok(Ways { base: vec![way], ..Ways::default() })
            }
            Target::Kubernetes(cluster) => {
                let key = self.keys.of(&wish.id, &wish.target)?.pin();
                let mut ways = self.clusters.ways(wish, cluster, key, step).await?;
                for way in ways.direct.iter_mut().chain(&mut ways.native) {
                    self.lead_past_own_devices(&mut way.path).await;
                }
                Ok(ways)
            }
        }
    }

    async fn logged_in(&self, _: &Wish) {
        let mut arrivals = self.clusters.companions.arrivals();
        let _ = arrivals.changed().await;
    }

    fn settle(&self, wish: &Wish) {
        self.intercepts.resume(&wish.id);
    }

    async fn stay_logged_in(&self, wish: &Wish) -> Infallible {
        match &wish.target {
            Target::Standalone { .. } => std::future::pending().await,
            Target::Kubernetes(cluster) => self.clusters.keep_known(wish, cluster).await,
        }
    }

    fn news(&self) -> watch::Receiver<String> {
        self.awareness.news()
    }

    fn resolver_looks(&self) -> watch::Receiver<u64> {
        self.resolver.looks()
    }

    async fn leave(&self, wish: &Wish) {
        let Target::Kubernetes(cluster) = &wish.target else { return };
        self.intercepts.release(&wish.id).await;
        if let Ok(identity) = self.keys.of(&wish.id, &wish.target) {
            self.clusters.leave(wish, cluster, identity.pin()).await;
        }
        self.has_left(wish);
    }

    async fn carriers(&self, wish: &Wish) -> Vec<IpAddr> {
        match &wish.target {
            Target::Standalone { .. } => Vec::new(),
            Target::Kubernetes(_) => self.clusters.carriers(&wish.id).await,
        }
    }

    async fn routed(&self) -> Result<Vec<IpNet>, Fault> {
        Ok(self.network.routes().await?.into_iter().map(|route| route.net).collect())
    }

    fn start_plane(&self, wish: &Wish, addresses: &Addresses) -> Result<(Plane, mpsc::Receiver<PlaneEvent>), Fault> {
        Plane::start(PlaneConfig {
            device: device(wish.index),
            addresses: *addresses,
            suffix: wish.id.suffix(),
            identity: self.keys.of(&wish.id, &wish.target)?,
            upstreams: self.resolver.upstreams(),
            deliveries: match &wish.target {
                Target::Standalone { .. } => None,
                Target::Kubernetes(_) => Some(self.intercepts.deliveries(&wish.id)),
            },
        })
    }

    async fn bring_up(&self, device: &str, addresses: &Addresses) -> Result<bool, Fault> {
        self.network.bring_up(device, addresses).await
    }

    async fn conflicts(&self, wish: &Wish, subnets: &[IpNet], routes: &[Route]) -> Vec<Conflict> {
        let manager = match &wish.target {
            Target::Standalone { address, .. } => addresses_of(address).await,
            // Those of an API server are carved out.
            Target::Kubernetes(_) => Vec::new(),
        };
        let others: Vec<(String, String)> = {
            let desired = self.desired.lock();
            let others = desired.wishes().iter().filter(|other| other.id != wish.id);
            others.map(|other| (device(other.index), other.id.name.clone())).collect()
        };
        let own_device = device(wish.index);
        let facts = conflict::Facts { own_device: &own_device, routes, others: &others, manager: &manager };
        conflict::find(subnets, &facts)
    }

    async fn routes(&self) -> Result<Vec<Route>, Fault> {
        self.network.all_routes().await
    }

    async fn reached_beside(&self, near: IpAddr, subnets: &[IpNet]) -> Result<Vec<IpNet>, Fault> {
        let device = self.network.device_towards(near).await?;
        let routes = self.network.routes().await?;
        Ok(conflict::reached_beside(near, device.as_deref(), subnets, &routes))
    }

    async fn route(&self, device: &str, addresses: &Addresses, add: &[IpNet], remove: &[IpNet]) -> Result<(), Fault> {
        // In this order nothing that is routed before and after is ever without a route.
        for net in add {
            self.network.add_route(device, *net, addresses).await?;
        }
        for net in remove {
            self.network.remove_route(device, *net).await?;
        }
        Ok(())
    }

    async fn point_names(&self, id: &Id, names: Names) -> Result<(), Fault> {
        let order: Vec<Id> = self.desired.lock().wishes().iter().map(|wish| wish.id.clone()).collect();
        self.resolver.point(id, names, &order).await
    }

    async fn withdraw_names(&self, id: &Id) {
        if let Err(fault) = self.resolver.withdraw(id).await {
            tracing::warn!(%fault, "the host's resolver keeps a change; it is undone at the next start");
        }
    }

    async fn ask(&self, id: &Id, server: SocketAddr, domain: &str) -> Result<(), Fault> {
        ask::ask(server, domain).await?;
        self.resolver.check(id).await
    }

    fn keep_routing(&self, id: &Id, routing: Routing) -> Result<(), Fault> {
        self.desired.lock().reroute(id, routing)
    }

    fn forget(&self, id: &Id) {
        if let Err(fault) = self.desired.lock().remove(id) {
            tracing::warn!(connection = id.name, %fault, "a connection that failed stays wanted");
        }
    }
}

impl Machine {
    /// Takes away what connections have left in their clusters that a killed helper was ending.
    pub async fn finish_leaving(&self) {
        let leaving = self.desired.lock().leaving().to_vec();
        let finish = leaving.iter().map(async |wish| {
            let Target::Kubernetes(cluster) = &wish.target else { return };
            // Only the user's companion knows who they are, and it may be looking for this helper yet.
            let mut arrivals = self.clusters.companions.arrivals();
            let known = async {
                while self.clusters.recall(wish, cluster).await.is_err() {
                    let _ = arrivals.changed().await;
                }
            };
            let _ = timeout(limits::FINISH_LEAVING, known).await;
            // Somebody may want it again meanwhile.
            if self.desired.lock().leaving().contains(wish) {
                self.leave(wish).await;
            }
        });
        futures_util::future::join_all(finish).await;
    }

    /// Whoever asks for it again starts anew.
    fn has_left(&self, wish: &Wish) {
        let mut desired = self.desired.lock();
        if desired.wishes().iter().any(|other| other.id == wish.id) {
            return;
        }
        self.keys.discard(&wish.id);
        if let Err(fault) = desired.has_left(&wish.id) {
            tracing::warn!(connection = wish.id.name, %fault, "a connection that has ended is ended again at the next start");
        }
    }

    /// The cluster's own addresses are routed to our devices: a link to one of them has to leave by another.
    async fn lead_past_own_devices(&self, path: &mut Path) {
        if let Path::Direct { address, device, .. } = path
            && let Ok(address) = address.parse()
        {
            *device = self.network.device_towards(address).await.unwrap_or_default();
        }
    }
}

/// The pin of a manager as somebody wrote it.
///
/// # Errors
/// `key-malformed`.
pub fn parse_pin(text: &str) -> Result<Pin, Fault> {
    text.parse().map_err(|error| Fault::new(Code::KeyMalformed, format!("the manager's pin is malformed: {error}")))
}

/// What the manager's address stands for; nothing if that cannot be told now.
async fn addresses_of(manager: &str) -> Vec<IpAddr> {
    match timeout(limits::LOOKUP, tokio::net::lookup_host(manager)).await {
        Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
        _ => Vec::new(),
    }
}
