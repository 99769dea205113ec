//! Making links: a way is dialled, the manager greeted, and the data path attached.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hawser_fault::{Code, Fault};
use hawser_kube::ApiError;
use hawser_tunnel::client::{self, Dialled};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::identity::Identity;
use hawser_tunnel::link::Shared;
use hawser_tunnel::proto::Change;
use hawser_vif::LinkId;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::deliveries::{Deliveries, Delivering};
use super::links::{Linked, News};
use super::path::{DataPath, LinkEnd};
use super::thread::Brought;
use super::{ClusterInfo, Path, Role, Way};

/// What every link is made with.
#[derive(Clone)]
pub(super) struct Joiner {
    pub path: Shared<DataPath>,
    pub identity: Arc<Identity>,
    pub deliveries: Option<Arc<Deliveries>>,
    pub bring: mpsc::Sender<Brought>,
}

impl Joiner {
    /// By the first way that leads to a manager, one after the other.
    pub async fn first(&self, ways: Vec<Way>) -> Result<Linked, Fault> {
        let mut result = Err(no_way());
        for way in ways {
            result = match self.dial(&way).await {
                Ok((dialled, peer)) => self.attach(dialled, &way, peer, Role::Base).await,
                Err(fault) => Err(fault),
            };
            match &result {
                Ok(_) => break,
                Err(fault) => tracing::debug!(way = %way.path, %fault, "no link this way"),
            }
        }
        result
    }

    /// By the way that leads to a manager soonest.
    pub async fn fastest(&self, ways: Vec<Way>) -> Result<Linked, Fault> {
        let mut racing: FuturesUnordered<_> =
            ways.into_iter().map(|way| async move { (self.dial(&way).await, way) }).collect();
        let mut last = no_way();
        while let Some((outcome, way)) = racing.next().await {
            match outcome {
                Ok((dialled, peer)) => return self.attach(dialled, &way, peer, Role::Direct).await,
                Err(fault) => {
                    tracing::debug!(way = %way.path, %fault, "no direct link this way");
                    last = fault;
                }
            }
        }
        Err(last)
    }

    /// The address of the manager that is reached soonest by one of these ways.
    pub async fn reached(&self, ways: Vec<Way>) -> Option<IpAddr> {
        let mut racing: FuturesUnordered<_> = ways.iter().map(|way| self.dial(way)).collect();
        while let Some(outcome) = racing.next().await {
            if let Ok((_, Some(peer))) = outcome {
                return Some(peer);
            }
        }
        None
    }

    async fn dial(&self, way: &Way) -> Result<(Dialled, Option<IpAddr>), Fault> {
        let identity = &self.identity;
        let name = way.path.to_string();
        let (dialled, peer) = match &way.path {
            Path::Address(address) => (client::dial(address, identity, &way.pins).await, None),
            Path::PortForward { api, namespace, pod, port } => {
                let stream = api.port_forward(namespace, pod, *port).await.map_err(no_port_forward)?;
                (client::dial_over(stream, &name, identity, &way.pins).await, None)
            }
            Path::Direct { address, port, device, .. } => {
                let unreachable = |error| Fault::from(LinkError::Unreachable { address: name.clone(), error });
                let connecting = connect(address, *port, device.as_deref());
                let stream = timeout(hawser_tunnel::limits::TCP_DIAL, connecting)
                    .await
                    .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
                    .map_err(unreachable)?;
                let peer = stream.peer_addr().ok().map(|peer| peer.ip().to_canonical());
                (client::dial_over_tcp(stream, &name, identity, &way.pins).await, peer)
            }
        };
        Ok((dialled.map_err(|error| explain(error, way, identity))?, peer))
    }

    async fn attach(&self, dialled: Dialled, way: &Way, peer: Option<IpAddr>, role: Role) -> Result<Linked, Fault> {
        let attached = async {
            let mut cluster = ClusterInfo::of(&dialled.hello)?;
            (cluster.way, cluster.peer) = (way.path.to_string(), peer);
            let (changes, caller) = (dialled.changes().await?, dialled.caller());
            let id = self.path.lock().link_up(&cluster)?;
            let end = LinkEnd { path: self.path.clone(), link: id };
            let (link, connection) = match dialled.attach(end, way.path.pace()).await {
                Ok(attached) => attached,
                Err(error) => {
                    let _ = self.bring.send(Brought::Gone(id)).await;
                    return Err(error);
                }
            };
            let news = News::of(tokio::spawn(follow(id, changes, self.bring.clone())));
            let start = |to: &Arc<Deliveries>| Delivering::start(to.clone(), id, caller.clone(), way.path.pace());
            let delivering = self.deliveries.as_ref().map(start);
            let _connection = connection;
            Ok(Linked { id, role, leaving: false, cluster, link, caller, delivering, _connection, _news: news })
        };
        attached.await.map_err(|error| explain(error, way, &self.identity))
    }
}

fn no_way() -> Fault {
    Fault::new(Code::ManagerUnreachable, "there is no way to the manager")
}

/// Tries each address that the name stands for, past our own devices.
async fn connect(address: &str, port: u16, device: Option<&str>) -> std::io::Result<TcpStream> {
    let mut result = Err(std::io::ErrorKind::NotFound.into());
    for target in tokio::net::lookup_host((address, port)).await? {
        result = connect_to(target, device).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn connect_to(target: SocketAddr, device: Option<&str>) -> std::io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    socket.connect(target).await
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
        (LinkError::NotAdmitted, Path::Address(_)) => {
            let fix = format!(
                "Have the manager's operator add \"{}\" to authorised_keys in the manager's file.",
                identity.pin()
            );
            Fault::from(error).with_fix(fix)
        }
        // A port-forward to a port on which nobody listens begins well and ends at once.
        (LinkError::HungUp, Path::PortForward { pod, .. }) => {
            Fault::new(Code::ManagerUnreachable, format!("the manager in the pod {pod} takes no connections now"))
        }
        // A replica that has just started does not know the session yet.
        (LinkError::NotAdmitted, Path::PortForward { .. } | Path::Direct { .. }) => {
            Fault::new(Code::ManagerUnreachable, "the manager does not let the session in yet")
        }
        _ => error.into(),
    }
}

/// Brings what changes in the cluster. The end of it is no news: the link's own end says more.
async fn follow(link: LinkId, mut changes: tonic::Streaming<Change>, bring: mpsc::Sender<Brought>) {
    while let Ok(Some(change)) = changes.message().await {
        if bring.send(Brought::Changed(link, change)).await.is_err() {
            return;
        }
    }
}
