//! What the rest of the helper sees of a connection.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use hawser_fault::Fault;

use crate::placement::Placement;
use crate::plane::ClusterInfo;

/// A snapshot of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Which state.
    pub phase: Phase,
    /// Since when.
    pub since: SystemTime,
    /// What is being waited for, in words; empty when nothing is.
    pub step: String,
    /// The device, while it is there.
    pub device: Option<Device>,
    /// What the manager last said of its cluster, while it is routed.
    pub cluster: Option<ClusterInfo>,
    /// Where its subnets lead, and what is in the way.
    pub placements: Vec<Placement>,
    /// What does not work though the connection is up, with its cause.
    pub troubles: BTreeMap<Trouble, Fault>,
}

/// A part of a connection that can fail by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Something else routes what is the cluster's.
    Routes,
    /// Names do not resolve, or not to this cluster.
    Names,
}

/// Which state, with its cause.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Ended; with a cause if nobody asked for it.
    Disconnected(Option<Fault>),
    /// On its way.
    Connecting,
    /// Carrying traffic.
    Connected,
    /// On its way back.
    Reconnecting(Fault),
    /// Waits for the user.
    NeedsLogin(Fault),
    /// Waits for somebody to change something.
    Failed(Fault),
    /// On its way out.
    Disconnecting,
}

/// A device that is up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Addresses of the name server behind it.
    pub dns_servers: Vec<IpAddr>,
}

impl Status {
    /// Of a connection that nothing was done for yet.
    pub fn new() -> Self {
        Self {
            phase: Phase::Connecting,
            since: SystemTime::now(),
            step: String::new(),
            device: None,
            cluster: None,
            placements: Vec::new(),
            troubles: BTreeMap::new(),
        }
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}
