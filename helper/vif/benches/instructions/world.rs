//! A core between a laptop and a manager, driven as the helper's thread drives it. Only the core is counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use hawser_tunnel::frame::FlowId;
use hawser_tunnel::limits::BATCH;
use hawser_tunnel::mux::{Event, Mux, Pull, Side, Source};
use hawser_vif::{Config, Core, LinkId};

use crate::counted::counted;
use crate::laptop::Arrived;

const GRPC_HEADER: usize = 5;
/// Virtual time that a turn of the thread takes.
const TURN: Duration = Duration::from_micros(20);

pub struct World {
    pub core: Core,
    link: LinkId,
    pub arrived: Arrived,
    pub manager: Manager,
    now: Instant,
}

/// Grants every flow.
pub struct Manager {
    pub mux: Mux,
    /// The flow that was opened last.
    pub flow: FlowId,
    /// Payload that came, of streams and datagrams.
    pub received: usize,
    /// Answers each datagram with itself.
    pub mirrors: bool,
    pub streams: Streams,
}

/// What the targets still have to send: bytes, and whether the end comes after them.
#[derive(Default)]
pub struct Streams(HashMap<FlowId, (usize, bool)>);

impl World {
    pub fn new() -> Self {
        let now = Instant::now();
        let local = vec![[198, 18, 0, 53].into()];
        let mut core = Core::new(Config { local, checksum_offload: true, seed: 1 }, now);
        let link = core.link_up(now);
        let mux = Mux::new(Side::Server, now);
        let manager = Manager { mux, flow: FlowId(0), received: 0, mirrors: false, streams: Streams::default() };
        Self { core, link, arrived: Arrived::default(), manager, now }
    }

    /// A batch of packets from the device.
    pub fn send(&mut self, packets: &[Vec<u8>]) {
        let Self { core, arrived, now, .. } = self;
        counted(|| {
            for packet in packets {
                core.handle_packet(packet, true, *now, arrived);
            }
            settle(core, *now, arrived);
        });
    }

    /// One batch of frames in each direction. False if there was none.
    pub fn exchange(&mut self) -> bool {
        self.now += TURN;
        let Self { core, link, arrived, now, manager } = self;
        let mut up = batch();
        counted(|| {
            core.poll_frames(*link, &mut up, BATCH, *now);
            core.flush(*now, arrived);
            if core.has_frames(*link) {
                core.poll_frames(*link, &mut up, BATCH, *now);
            }
        });
        let up = message(up);
        let mut down = batch();
        let any_up = !up.is_empty();
        manager.receive(up, *now);
        manager.mux.transmit(&mut down, BATCH, *now, &mut manager.streams);
        let down = message(down);
        if down.is_empty() {
            return any_up;
        }
        counted(|| {
            core.handle_frames(*link, down, *now, arrived).expect("the manager keeps to the protocol");
            settle(core, *now, arrived);
        });
        true
    }

    /// Carries frames until there are none left.
    pub fn exchange_all(&mut self) {
        while self.exchange() {}
    }
}

/// What the helper's thread does after each of its calls.
fn settle(core: &mut Core, now: Instant, arrived: &mut Arrived) {
    assert!(core.poll_event().is_none(), "no scenario leaves anything to the core's owner");
    core.flush(now, arrived);
    core.next_deadline();
}

impl Manager {
    /// Has the target of a flow send so many bytes, and its end after them.
    pub fn say(&mut self, flow: FlowId, bytes: usize, end: bool) {
        *self.streams.0.entry(flow).or_default() = (bytes, end);
        self.mux.ready(flow);
    }

    fn receive(&mut self, bytes: Bytes, now: Instant) {
        let mut events = Vec::new();
        self.mux.receive(bytes, now, &mut events).expect("the core keeps to the protocol");
        for event in events {
            match event {
                Event::Opened { flow, .. } => {
                    self.mux.accept(flow, 100);
                    self.flow = flow;
                }
                Event::Data { flow, bytes } => {
                    self.received += bytes.len();
                    self.mux.consumed(flow, bytes.len(), now);
                }
                Event::Datagram { flow, bytes } => {
                    self.received += bytes.len();
                    if self.mirrors {
                        self.mux.datagram(flow, bytes);
                    }
                }
                Event::Finished { flow } => self.say(flow, 0, true),
                other => panic!("no scenario leads to {other:?}"),
            }
        }
    }
}

impl Source for Streams {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        let Some((left, ends)) = self.0.get_mut(&flow) else { return Pull::Empty };
        let bytes = room.min(*left);
        out.put_bytes(0, bytes);
        *left -= bytes;
        match (*left, *ends) {
            (0, true) => {
                self.0.remove(&flow);
                Pull::End
            }
            (0, false) => Pull::Empty,
            _ => Pull::More,
        }
    }
}

/// A gRPC message before its frames.
pub fn batch() -> BytesMut {
    let mut batch = BytesMut::with_capacity(BATCH);
    batch.put_bytes(0, GRPC_HEADER);
    batch
}

/// The whole gRPC message; nothing if there are no frames in it.
pub fn message(mut batch: BytesMut) -> Bytes {
    let length = batch.len() - GRPC_HEADER;
    batch[1..GRPC_HEADER].copy_from_slice(&(length as u32).to_be_bytes());
    // Split off, as HTTP/2 hands out what it has read: a piece of a buffer that is shared already.
    if length == 0 { Bytes::new() } else { batch.split().freeze() }
}
