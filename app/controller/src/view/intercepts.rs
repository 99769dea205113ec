//! What is intercepted.

use serde::Serialize;
use ts_rs::TS;

use super::{Ms, Possible, Problem};
use crate::Mode;

/// All of the user's intercepts.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Intercepts {
    /// In the order of connection and name.
    pub cards: Vec<Card>,
    /// Whether another one can be asked for.
    pub ask: Possible,
}

/// One intercept.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Card {
    /// Over which connection.
    pub connection: String,
    /// Its name there.
    pub name: String,
    /// Of what.
    pub workload: WorkloadRef,
    /// The container, if one was named.
    pub container: Option<String>,
    /// What happens to the traffic.
    pub mode: Mode,
    /// How it is.
    pub phase: Phase,
    /// What is being waited for.
    pub step: Option<String>,
    /// Of this phase.
    pub since: Ms,
    /// When it ends by itself.
    pub until: Option<Ms>,
    /// Which traffic.
    pub ports: Vec<PortLine>,
    /// Which requests, in words; all if there is none.
    pub filter: Option<String>,
    /// What came so far, unless nothing is to come.
    pub delivered: Option<Delivered>,
    /// How many requests there were, if it has a filter and all agents count.
    pub requests: Option<Requests>,
    /// Why it isn't in force, or isn't well.
    pub problem: Option<Problem>,
    /// Pods, and what became of them.
    pub replicas: Vec<Replica>,
    /// Whether clients come here.
    pub proof: Proof,
    /// The container's files, if they are wanted.
    pub files: Option<Files>,
    /// The container's environment, if it was written.
    pub environment: Option<Written>,
    /// A command that asks the intercepted service.
    pub curl: Option<String>,
    /// Whether it can be asked for again.
    pub ask_again: Possible,
}

/// What came for an intercept since the helper knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Delivered {
    /// Connections, and conversations of datagrams.
    pub connections: u32,
    /// Of them, by the local port.
    pub refused: u32,
    /// When the last one came.
    pub last: Option<Ms>,
}

/// Requests in the intercepted pods since the intercept began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Requests {
    /// This laptop's; of a wiretap, those of which it was to get a copy.
    pub matched: u32,
    /// The pods' alone.
    pub passed: u32,
    /// Of the matched, copies that didn't come whole.
    pub dropped: u32,
}

/// Names a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
pub struct WorkloadRef {
    /// Its namespace.
    pub namespace: String,
    /// Deployment, StatefulSet or ReplicaSet.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// How an intercept is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The cluster has not answered yet.
    Pending,
    /// Pods are getting an agent.
    Preparing,
    /// Traffic comes here.
    Active,
    /// Traffic goes to the workload until what the problem names is over.
    Waiting,
    /// It is being left.
    Ending,
    /// Nobody here asked for that.
    Ended,
}

/// A port whose traffic comes here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct PortLine {
    /// Of the workload, by name or number.
    pub port: String,
    /// UDP, else TCP.
    pub udp: bool,
    /// Where the program listens: `host:port`.
    pub local: String,
    /// Whether one does; unknown for UDP, and where it isn't on this computer.
    pub listening: Option<bool>,
}

/// A pod of an intercepted workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Replica {
    /// Its name.
    pub pod: String,
    /// Its address.
    pub address: String,
    /// What reaches it comes here.
    pub applied: bool,
    /// Why the last proof says otherwise.
    pub problem: Option<Problem>,
}

/// Whether clients come here, by every way.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Proof {
    /// How far it is.
    pub state: ProofState,
    /// When the last one was done.
    pub at: Option<Ms>,
    /// Of the last one.
    pub ways: Vec<Way>,
    /// Why there was none.
    pub problem: Option<Problem>,
}

/// How far a proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ProofState {
    /// None was asked for.
    None,
    /// It is being made.
    Running,
    /// It was made.
    Done,
}

/// A way to an intercepted port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Way {
    /// Over what.
    pub words: String,
    /// Why it doesn't lead here.
    pub problem: Option<Problem>,
}

/// A container's files on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Files {
    /// The folder.
    pub path: String,
    /// Nothing there can be changed.
    pub read_only: bool,
    /// They are there.
    pub mounted: bool,
    /// Why not.
    pub problem: Option<Problem>,
    /// What the agent may not read; some of it if that is much.
    pub unreadable: Vec<String>,
}

/// A container's environment in a file. Values are never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Written {
    /// The file.
    pub path: String,
    /// How many it has.
    pub variables: u32,
    /// Names that are this computer's own or don't fit the format.
    pub left_out: Vec<String>,
    /// Why there is no file.
    pub problem: Option<Problem>,
}
