//! What the fuzz target of packets runs.

use std::time::Instant;

use crate::core::{Config, Core};
use crate::stack::PacketSink;

/// Feeds a row of packets, each after its length in two bytes, to a core with a link.
pub fn fuzz(mut data: &[u8]) {
    let now = Instant::now();
    let config = Config { local: vec![[198, 18, 0, 53].into()], checksum_offload: true, seed: 1 };
    let mut core = Core::new(config, now);
    let link = core.link_up(now);
    while let Some((length, rest)) = data.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (packet, rest) = rest.split_at(length);
        core.handle_packet(packet, true, now, &mut WellFormed);
        core.flush(now, &mut WellFormed);
        data = rest;
    }
    let mut frames = bytes::BytesMut::new();
    core.poll_frames(link, &mut frames, 65_000, now);
    core.link_down(link, now, &mut WellFormed);
    assert_eq!(core.records().iter().filter(|record| !is_closed(record)).count(), 0);
}

fn is_closed(record: &crate::record::FlowRecord) -> bool {
    matches!(record.state, crate::record::FlowState::Closed(_))
}

struct WellFormed;

impl PacketSink for WellFormed {
    fn send(&mut self, packet: &mut [u8]) {
        assert!(crate::packet::Packet::parse(packet).is_some(), "the core made a malformed packet");
    }
}
