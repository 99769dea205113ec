//! What the fuzz target of the frames runs.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::frame::FlowId;
use crate::mux::{Event, Mux, Pull, Side, Source};

/// Feeds bytes to a server's multiplexer, cut where the first byte says, answers everything and sends what results.
pub fn fuzz(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    let now = Instant::now();
    let mut mux = Mux::new(Side::Server, now);
    let mut events = Vec::new();
    for chunk in data.chunks(usize::from(cut).max(1)) {
        if mux.receive(Bytes::copy_from_slice(chunk), now, &mut events).is_err() {
            return;
        }
        for event in events.drain(..) {
            answer(&mut mux, event, now);
        }
        let mut out = BytesMut::new();
        mux.transmit(&mut out, crate::limits::BATCH, now, &mut Nothing);
    }
}

fn answer(mux: &mut Mux, event: Event, now: Instant) {
    match event {
        Event::Opened { flow, .. } => {
            mux.accept(flow, 0);
            mux.ready(flow);
        }
        Event::Data { flow, bytes } => mux.consumed(flow, bytes.len(), now),
        Event::Datagram { flow, bytes } => mux.datagram(flow, bytes),
        Event::Query { id, message } => mux.answer(id, message),
        _ => {}
    }
}

struct Nothing;

impl Source for Nothing {
    fn pull(&mut self, _: FlowId, _: usize, _: &mut BytesMut) -> Pull {
        Pull::End
    }
}
