//! The data plane's thread (stand-in until it exists).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::{Identity, Pin};
use ipnet::IpNet;
use tokio::sync::mpsc::Receiver;

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
    /// The user's key.
    pub identity: Arc<Identity>,
    /// The host's own name servers.
    pub upstreams: Vec<SocketAddr>,
}

/// What the manager said of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterInfo {
    /// Name and version of the manager.
    pub software: String,
    /// Routed to the cluster.
    pub subnets: Vec<IpNet>,
    /// Resolved by the cluster.
    pub domains: Vec<String>,
    /// For single labels; may be empty.
    pub search_domain: String,
}

/// What a plane says by itself.
#[derive(Debug)]
pub enum PlaneEvent {
    /// The link is gone.
    Lost(Fault),
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
pub struct Plane;

impl Plane {
    /// Makes the device and starts the thread.
    pub fn start(config: PlaneConfig) -> Result<(Plane, Receiver<PlaneEvent>), Fault> {
        Err(Fault::new(Code::TunUnavailable, format!("{} is not built yet", config.device)))
    }

    /// Dials.
    pub async fn link(&self, address: &str, _pin: Pin) -> Result<ClusterInfo, Fault> {
        Err(Fault::new(Code::ManagerUnreachable, address))
    }

    /// Reads the totals.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }

    /// Lists the flows.
    pub async fn flows(&self) -> Vec<FlowRecord> {
        Vec::new()
    }

    /// Ends it.
    pub async fn stop(self) {}
}
