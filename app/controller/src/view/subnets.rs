//! What goes through connections, what doesn't, and why.

use serde::Serialize;
use ts_rs::TS;

use super::Problem;

/// Of each connection.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Subnets {
    /// In the order of names.
    pub connections: Vec<SubnetsOf>,
}

/// Of one connection.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SubnetsOf {
    /// Its name.
    pub connection: String,
    /// What goes through it.
    pub routed: Vec<Placed>,
    /// What stays out because somebody wants that.
    pub excluded: Vec<Placed>,
    /// What this computer reaches by itself.
    pub left_alone: Vec<Placed>,
    /// Why not all could be routed.
    pub conflict: Option<Problem>,
    /// What the user wants besides the cluster's, as it can be edited.
    pub also: Vec<String>,
    /// What the user wants to stay out, as it can be edited.
    pub never: Vec<String>,
    /// What saving other lists does to what is open.
    pub effect: String,
}

/// Where a subnet leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Placed {
    /// As CIDR.
    pub subnet: String,
    /// Who named it.
    pub source: Source,
    /// The interface that has it, where that is the connection's.
    pub device: Option<String>,
    /// In words.
    pub why: String,
}

/// Who named a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The cluster.
    Cluster,
    /// The user, to be routed too.
    UserAlso,
    /// The user, to stay out.
    UserNever,
    /// The API server is there.
    ApiServer,
    /// This computer's own networks.
    Host,
}
