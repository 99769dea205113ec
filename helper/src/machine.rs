//! The real host: kernel, resolver and state directory as a connection needs them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hawser_fault::Fault;
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::address::device;
use crate::connection::{Host, Names};
use crate::network::Network;
use crate::plane::{Addresses, Plane, PlaneConfig, PlaneEvent};
use crate::resolver::HostResolver;
use crate::store::desired::{Desired, Id, Wish};
use crate::store::keys::Keys;
use crate::{ask, conflict};

/// How long the manager's name may take to resolve when its addresses are compared with the cluster's.
const LOOKUP: Duration = Duration::from_secs(2);

/// Everything of the host that connections share.
pub struct Machine {
    /// Devices, addresses and routes.
    pub network: Network,
    /// Who resolves names.
    pub resolver: HostResolver,
    /// The users' keys.
    pub keys: Keys,
    /// Which connections are wanted.
    pub desired: Arc<Mutex<Desired>>,
}

impl Host for Machine {
    type Plane = Plane;

    async fn routed(&self) -> Result<Vec<IpNet>, Fault> {
        Ok(self.network.routes().await?.into_iter().map(|route| route.net).collect())
    }

    fn start_plane(&self, wish: &Wish, addresses: &Addresses) -> Result<(Plane, mpsc::Receiver<PlaneEvent>), Fault> {
        Plane::start(PlaneConfig {
            device: device(wish.index),
            addresses: *addresses,
            identity: self.keys.of(wish.id.owner)?,
            upstreams: self.resolver.upstreams(),
        })
    }

    async fn bring_up(&self, device: &str, addresses: &Addresses) -> Result<bool, Fault> {
        self.network.bring_up(device, addresses).await
    }

    async fn check_subnets(&self, wish: &Wish, subnets: &[IpNet]) -> Result<(), Fault> {
        let routes = self.network.routes().await?;
        let manager = addresses_of(wish.target.address()).await;
        let others: Vec<(String, String)> = {
            let desired = self.desired.lock();
            let others = desired.wishes().iter().filter(|other| other.id != wish.id);
            others.map(|other| (device(other.index), other.id.name.clone())).collect()
        };
        let own_device = device(wish.index);
        let facts = conflict::Facts { own_device: &own_device, routes: &routes, others: &others, manager: &manager };
        conflict::find(subnets, &facts).map_or(Ok(()), Err)
    }

    async fn route(&self, device: &str, addresses: &Addresses, add: &[IpNet], remove: &[IpNet]) -> Result<(), Fault> {
        for net in remove {
            self.network.remove_route(device, *net).await?;
        }
        for net in add {
            self.network.add_route(device, *net, addresses).await?;
        }
        Ok(())
    }

    fn point_names(&self, id: &Id, names: Names) -> Result<(), Fault> {
        self.resolver.point(id, names)
    }

    fn withdraw_names(&self, id: &Id) {
        if let Err(fault) = self.resolver.withdraw(id) {
            tracing::warn!(%fault, "the host's resolver keeps a change; it is undone at the next start");
        }
    }

    async fn ask(&self, server: SocketAddr, domain: &str) -> Result<(), Fault> {
        self.resolver.check()?;
        ask::ask(server, domain).await
    }

    fn forget(&self, id: &Id) {
        if let Err(fault) = self.desired.lock().remove(id) {
            tracing::warn!(connection = id.name, %fault, "a connection that failed stays wanted");
        }
    }
}

/// What the manager's address stands for; nothing if that cannot be told now.
async fn addresses_of(manager: &str) -> Vec<IpAddr> {
    match timeout(LOOKUP, tokio::net::lookup_host(manager)).await {
        Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
        _ => Vec::new(),
    }
}
