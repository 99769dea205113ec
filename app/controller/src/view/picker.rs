//! The form for a new intercept, and what there is to choose from.

use serde::Serialize;
use ts_rs::TS;

use super::{Field, Ms, Possible, Problem, WorkloadRef};
use crate::{Draft, Mode};

/// Answers the last draft.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Picker {
    /// Higher when the form was opened anew: then the page takes over `draft`, and only then.
    pub opened: u32,
    /// The form as it was opened.
    pub draft: Draft,
    /// Of the draft that this answers.
    pub revision: u32,
    /// Names of connections that can be intercepted over.
    pub connections: Vec<String>,
    /// Of the connection, in which the user may intercept.
    pub namespaces: Vec<String>,
    /// Whether the cluster has said what it has.
    pub known: bool,
    /// Why not.
    pub problem: Option<Problem>,
    /// What the search leaves; the first 200.
    pub workloads: Vec<WorkloadRow>,
    /// How many the search leaves.
    pub workloads_found: u32,
    /// How many there are.
    pub workloads_total: u32,
    /// What they contain.
    pub search: String,
    /// Of the workload's services.
    pub ports: Vec<PortChoice>,
    /// The workload's containers; `None` if the cluster doesn't tell of them.
    pub containers: Option<Containers>,
    /// The workload's pods have an agent already: none starts anew. Known before the cluster is asked.
    pub agent_there: bool,
    /// Ports on which the user's programs listen.
    pub listeners: Vec<Listener>,
    /// Whether files can be mounted here.
    pub mount: Possible,
    /// Where they would be.
    pub mount_path: String,
    /// Where the environment would be written.
    pub environment_path: Option<String>,
    /// What is wrong with the form.
    pub problems: Vec<FormProblem>,
    /// What happens in the cluster, in words.
    pub effect: String,
    /// The same as the cluster says it.
    pub preview: Preview,
    /// Nothing is wrong with it.
    pub ready: bool,
    /// What is waited for while it is asked for.
    pub asking: Option<String>,
    /// What came of asking, unless it is in force.
    pub failed: Option<Problem>,
}

/// What asking for it would change in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "preview", rename_all = "kebab-case")]
pub enum Preview {
    /// The form says nothing that could be asked for.
    #[default]
    None,
    /// The cluster is asked.
    Asking,
    /// No pod would be restarted.
    Nothing {
        /// What else is worth to know.
        notes: Vec<String>,
    },
    /// These pods would be.
    Restarts {
        /// Their names.
        pods: Vec<String>,
        /// Who manages the workload, and what clients would notice.
        notes: Vec<String>,
    },
    /// The cluster would refuse it.
    Impossible {
        /// Why.
        problem: Problem,
    },
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct FormProblem {
    /// Which.
    pub field: Field,
    /// In which row, where there are several.
    pub row: Option<u32>,
    /// What is wrong.
    pub problem: Problem,
}

/// Something that can be intercepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct WorkloadRow {
    /// Which.
    pub workload: WorkloadRef,
    /// Pods that are ready.
    pub ready: u32,
    /// Pods that are wanted.
    pub replicas: u32,
    /// Names of services that lead to it.
    pub services: Vec<String>,
    /// Who intercepts it.
    pub holders: Vec<HolderView>,
    /// Whether it can be chosen.
    pub possible: Possible,
}

/// Who intercepts a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct HolderView {
    /// By the name that the cluster knows.
    pub user: String,
    /// What happens to the traffic.
    pub mode: Mode,
    /// Since when.
    pub since: Ms,
    /// It is one of this computer's.
    pub own: bool,
}

/// A port that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct PortChoice {
    /// As it is put into the form.
    pub port: String,
    /// UDP, else TCP.
    pub udp: bool,
    /// Its number at the service.
    pub number: u32,
    /// The container's, by number or name.
    pub target: String,
    /// The service.
    pub service: String,
}

/// The containers that an intercept may be of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Containers {
    /// In the order of the pod.
    pub all: Vec<ContainerChoice>,
    /// What it means to choose none of them, in words.
    pub unnamed: String,
    /// What is to be known of that.
    pub note: Option<String>,
}

/// A container that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ContainerChoice {
    /// Its name.
    pub name: String,
    /// The ports that it declares, in words.
    pub ports: Vec<String>,
    /// It has files that can be mounted.
    pub has_files: bool,
}

/// A port of this computer on which one of the user's programs listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// UDP, else TCP.
    pub udp: bool,
    /// The program's name.
    pub process: String,
    /// Its number.
    pub pid: u32,
}
