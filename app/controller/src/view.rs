//! What is shown, screen by screen. A page draws these and holds no logic of its own.

mod clusters;
mod doctor;
mod intercepts;
mod names;
mod picker;
mod problem;
mod settings;
mod shell;
mod subnets;
mod traffic;
mod units;
mod welcome;

use serde::Serialize;
use ts_rs::TS;

pub use clusters::{ClusterRow, Clusters, ConnectionState, ContextId, Foreign, Hop, HopName, Kind, RowActs, Step};
pub use doctor::{CheckRow, Doctor, Log, LogLevel, Outcome};
pub use intercepts::{
    Card, Delivered, Files, Intercepts, Phase, PortLine, Proof, ProofState, Replica, Requests, Way, WorkloadRef,
    Written,
};
pub use names::{AnsweredBy, NameOutcome, NameRow, Names};
pub use picker::{
    ContainerChoice, Containers, FormProblem, HolderView, Listener, Picker, PortChoice, Preview, WorkloadRow,
};
pub use problem::{Field, Possible, Problem, Remedy};
pub use settings::{Keyring, NoticeKind, Served, Settings, SettingsView, Theme};
pub use shell::{Badge, EndWords, HelperState, QuitWords, Screen, Shell, Toast};
pub use subnets::{Placed, Source, Subnets, SubnetsOf};
pub use traffic::{FlowRow, Traffic};
pub use units::{Bytes, Ms, Us};
pub use welcome::Welcome;

/// News for the page: one whole view.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "kind", content = "view", rename_all = "kebab-case")]
pub enum Update {
    /// The frame; always.
    Shell(Shell),
    /// The first run.
    Welcome(Welcome),
    /// Contexts and connections.
    Clusters(Clusters),
    /// What is routed.
    Subnets(Subnets),
    /// What is intercepted.
    Intercepts(Intercepts),
    /// The form for a new intercept.
    Picker(Box<Picker>),
    /// Flows.
    Traffic(Traffic),
    /// Names that were asked for.
    Names(Names),
    /// Checks.
    Doctor(Doctor),
    /// Settings.
    Settings(SettingsView),
    /// Something that was done; shown for a while.
    Toast(Toast),
}
