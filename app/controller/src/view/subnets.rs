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
    /// How many more do.
    pub more: u32,
    /// What stays out because somebody wants that.
    pub excluded: Vec<Placed>,
    /// What this computer reaches by itself.
    pub left_alone: Vec<Placed>,
    /// What should be routed and has another owner.
    pub conflicts: Vec<Placed>,
    /// Why it is not connected, where that is a subnet's fault.
    pub problem: Option<Problem>,
    /// What the user wants besides the cluster's, as it can be edited.
    pub also: Vec<String>,
    /// What the user wants to stay out, as it can be edited.
    pub never: Vec<String>,
}

/// Where a subnet leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Placed {
    /// As CIDR.
    pub subnet: String,
    /// Who named it.
    pub source: Source,
    /// The route of this computer that has it.
    pub route: Option<String>,
    /// The interface that it leads to.
    pub device: Option<String>,
    /// Whose that looks like.
    pub owner: Option<String>,
    /// In words.
    pub why: String,
}

/// Who named a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The cluster.
    Cluster,
    /// Whoever runs the cluster, to stay out.
    ClusterNever,
    /// The user, to be routed too.
    UserAlso,
    /// The user, to stay out.
    UserNever,
    /// The API server is there.
    ApiServer,
    /// The manager is reached there.
    Manager,
}
