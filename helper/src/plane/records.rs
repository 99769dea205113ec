//! Flows as the rest of the helper shows them.

use std::time::{Instant, SystemTime};

use hawser_vif::Protocol;
use hawser_vif::record::{FlowRecord as CoreRecord, FlowState};

use super::FlowRecord;

pub(super) fn shown(record: &CoreRecord, name: Option<String>, now: Instant, wall: SystemTime) -> FlowRecord {
    let (state, closed) = match record.state {
        FlowState::Dialling => ("dialling", None),
        FlowState::Open => ("open", None),
        FlowState::HalfClosed => ("half-closed", None),
        FlowState::Closed(why) => ("closed", Some(why.to_owned())),
    };
    FlowRecord {
        id: record.number,
        protocol: match record.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Echo => "echo",
        },
        source: record.source,
        destination: record.destination,
        name,
        sent_bytes: record.sent_bytes,
        received_bytes: record.received_bytes,
        opened: wall.checked_sub(now.saturating_duration_since(record.opened)).unwrap_or(wall),
        round_trip_us: record.round_trip_us.into(),
        state,
        closed,
    }
}
