//! Ways to a manager.

use std::time::Duration;

use hawser_api::EndpointKind;
use hawser_tunnel::identity::Pin;

use crate::limits;

/// The ways to the managers of a cluster.
#[derive(Clone, Default)]
pub struct Ways {
    /// One of them is needed; they are tried in this order.
    pub base: Vec<Way>,
    /// Better where one works: flows move over.
    pub direct: Vec<Way>,
    /// The managers' own addresses: where one of them is reached, so is the cluster, without us.
    pub native: Vec<Way>,
}

/// One way to a manager.
#[derive(Clone)]
pub struct Way {
    /// By what path.
    pub path: Path,
    /// The pins of the managers' keys, any of which may be at its end.
    pub pins: Vec<Pin>,
}

/// By what path a manager is reached.
#[derive(Clone)]
pub enum Path {
    /// A TCP connection to `host:port`.
    Address(String),
    /// A port-forward through an API server.
    PortForward {
        /// The server.
        api: hawser_kube::Api,
        /// Of the pod.
        namespace: String,
        /// The manager's.
        pod: String,
        /// Of the tunnel in the pod.
        port: u16,
    },
    /// A TCP connection past the API server.
    Direct {
        /// What it leads to.
        kind: EndpointKind,
        /// Name or IP address.
        address: String,
        /// Of the tunnel there.
        port: u16,
        /// The device that it must leave by: the cluster's own addresses are routed to ours.
        device: Option<String>,
    },
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A connection has to have one.
    Base,
    /// It is better than the base.
    Direct,
}

impl Path {
    /// How long small batches wait for others, where each is dear.
    pub fn pace(&self) -> Option<Duration> {
        match self {
            Self::PortForward { .. } => Some(limits::PORT_FORWARD_PACE),
            Self::Address(_) | Self::Direct { .. } => None,
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => f.write_str(address),
            Self::PortForward { api, namespace, pod, .. } => {
                write!(f, "port-forward to {namespace}/{pod} through {}", api.address())
            }
            Self::Direct { kind, address, port, .. } => {
                let kind = match kind {
                    EndpointKind::Pod => "the pod",
                    EndpointKind::NodePort => "the node port",
                    EndpointKind::LoadBalancer => "the load balancer",
                };
                match address.contains(':') {
                    true => write!(f, "direct to {kind} [{address}]:{port}"),
                    false => write!(f, "direct to {kind} {address}:{port}"),
                }
            }
        }
    }
}
