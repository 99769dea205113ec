//! What is shown of a flow, while it lives and for a while after.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::limits::CLOSED_RECORDS;
use crate::packet::Protocol;

/// One flow, for showing.
#[derive(Clone, Debug)]
pub struct FlowRecord {
    /// Number that no other flow of this data plane has had.
    pub number: u64,
    /// What it is.
    pub protocol: Protocol,
    /// On the laptop.
    pub source: SocketAddr,
    /// As the laptop sees it.
    pub destination: SocketAddr,
    /// Payload from the laptop.
    pub sent_bytes: u64,
    /// Payload to the laptop.
    pub received_bytes: u64,
    /// When its first packet came.
    pub opened: Instant,
    /// From the manager to the target, when it was dialled, in microseconds; 0 while that is not known.
    pub round_trip_us: u32,
    /// What it does.
    pub state: FlowState,
}

/// Where a flow is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FlowState {
    Dialling,
    Open,
    HalfClosed,
    /// With the reason in words.
    Closed(&'static str),
}

/// The last flows that closed.
#[derive(Debug, Default)]
pub(crate) struct Closed(VecDeque<FlowRecord>);

impl Closed {
    pub fn push(&mut self, record: FlowRecord) {
        if self.0.len() == CLOSED_RECORDS {
            self.0.pop_front();
        }
        self.0.push_back(record);
    }

    pub fn iter(&self) -> impl Iterator<Item = &FlowRecord> {
        self.0.iter().rev()
    }
}
