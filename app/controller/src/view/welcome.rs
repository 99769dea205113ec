//! The first run.

use serde::Serialize;
use ts_rs::TS;

use super::{HelperState, Problem};

/// Three steps: what this is, the helper, the clusters.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Welcome {
    /// 1 to 3.
    pub step: u8,
    /// Whether the helper answers.
    pub helper: HelperState,
    /// Why it doesn't.
    pub problem: Option<Problem>,
    /// How many clusters were found.
    pub contexts: u32,
    /// What could not be read.
    pub unreadable: Vec<Problem>,
    /// A command that shows the demo, while there is no cluster.
    pub demo: Option<String>,
}
