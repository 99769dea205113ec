//! Flows of the whole laptop.

use serde::Serialize;
use ts_rs::TS;

use super::{Bytes, Ms, Problem, Us};
use crate::TrafficQuery;

/// Some rows of the table.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Traffic {
    /// What these rows answer.
    pub query: TrafficQuery,
    /// The rows that are wanted.
    pub rows: Vec<FlowRow>,
    /// Number of the first of them.
    pub first: u32,
    /// How many the filter leaves.
    pub found: u32,
    /// How many there are.
    pub total: u32,
    /// When they were like this.
    pub at: Option<Ms>,
    /// Why nothing is known.
    pub problem: Option<Problem>,
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct FlowRow {
    /// The same for as long as it is shown.
    pub id: String,
    /// Over which connection.
    pub connection: String,
    /// tcp, udp or echo.
    pub protocol: String,
    /// Whose it is: the program's name and number; else the user.
    pub process: String,
    /// The name that was asked for.
    pub name: String,
    /// `host:port`.
    pub destination: String,
    /// So far.
    pub sent: Bytes,
    /// So far.
    pub received: Bytes,
    /// From the manager to the destination, when it was dialled.
    pub round_trip: Option<Us>,
    /// When it began.
    pub opened: Ms,
    /// dialling, open, half-closed or closed.
    pub state: String,
    /// Why it was closed.
    pub closed: String,
}
