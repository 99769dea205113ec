//! Contexts of all kubeconfigs, managers without Kubernetes, and the connections to them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Bytes, Ms, Possible, Problem, Us};
use crate::Tuning;

/// Names a row for as long as the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct ContextId(pub u32);

/// Everything that can be connected, and what is.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Clusters {
    /// Connected ones first; at most 200.
    pub rows: Vec<ClusterRow>,
    /// How many there are without the search.
    pub total: u32,
    /// What they contain.
    pub search: String,
    /// Files that could not be read.
    pub unreadable: Vec<Problem>,
    /// Connections of other users.
    pub others: Vec<Foreign>,
}

/// A context or a manager without Kubernetes, and the connection to it.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ClusterRow {
    /// For acts.
    pub id: ContextId,
    /// The context's or file's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The connection's name, if there is one.
    pub connection: Option<String>,
    /// `host:port` of the API server or the manager.
    pub server: String,
    /// The file, shortened.
    pub source: String,
    /// The program that logs in.
    pub plugin: Option<String>,
    /// It is the kubeconfig's current context.
    pub current: bool,
    /// How the connection is.
    pub state: ConnectionState,
    /// Since when.
    pub since: Option<Ms>,
    /// What was waited for, the last 16.
    pub steps: Vec<Step>,
    /// Why it isn't connected, or isn't well.
    pub problem: Option<Problem>,
    /// What does not work though it is connected.
    pub troubles: Vec<Problem>,
    /// The namespace in which it works.
    pub namespace: String,
    /// Choices for the next time it is connected.
    pub tuning: Tuning,
    /// How long messages take to each place on the way, there and back.
    pub hops: Vec<Hop>,
    /// How the manager is reached.
    pub way: String,
    /// The manager's software.
    pub manager: String,
    /// So far.
    pub sent: Bytes,
    /// So far.
    pub received: Bytes,
    /// Now.
    pub open_flows: u32,
    /// When what the user has logged in with ends, if they had to and that is known.
    pub login_expires: Option<Ms>,
    /// What logs in says to the user, while they do.
    pub login_says: Option<String>,
    /// The command that logs in, where that only works at a terminal.
    pub login_command: Option<String>,
    /// What can be done.
    pub acts: RowActs,
}

/// What a row leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A cluster.
    Kubernetes,
    /// A manager without Kubernetes.
    Standalone,
}

/// How a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// There is none.
    Off,
    /// It is being made.
    Connecting,
    /// It stands.
    Connected,
    /// It broke and is being made again.
    Reconnecting,
    /// It waits for the user's login.
    NeedsLogin,
    /// It could not be made.
    Failed,
    /// It is being ended.
    Disconnecting,
}

/// Something that was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Step {
    /// What.
    pub words: String,
    /// From when.
    pub began: Ms,
    /// Until when.
    pub ended: Option<Ms>,
}

/// A place on the way into the cluster, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Hop {
    /// Which.
    pub name: HopName,
    /// The agent's pod.
    pub pod: String,
    /// From this laptop.
    pub round_trip: Us,
    /// The same in the past, one a second, the last 60.
    pub history: Vec<Us>,
}

/// A kind of place on the way into a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum HopName {
    /// The API server.
    ApiServer,
    /// The manager.
    Manager,
    /// An intercepted pod's agent.
    Agent,
}

/// Another user's connection. No more is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Foreign {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// How it is.
    pub state: ConnectionState,
}

/// What can be done with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct RowActs {
    /// To connect.
    pub connect: Possible,
    /// To end the connection.
    pub disconnect: Possible,
    /// To log in.
    pub log_in: Possible,
}
