//! What is counted.

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use hawser_dns::{By, Event, Resolver, Transport};
use hawser_tunnel::frame::{FlowId, Kind};
use hawser_tunnel::limits::BATCH;
use hawser_tunnel::mux::{self, Mux, Pull, Side, Source};

use crate::counted::counted;
use crate::laptop::{Stream, TARGET, datagram, echo};
use crate::world::{World, batch, message};

/// Something that is done over and over.
pub struct Scenario {
    /// Its name in the file of bounds.
    pub name: &'static str,
    /// What one of it is.
    pub unit: &'static str,
    /// Does it.
    pub run: fn() -> Work,
}

/// What a scenario has done.
pub struct Work {
    /// How many of its unit.
    pub units: usize,
    /// Payload in all of them; 0 where a byte more costs nothing worth telling.
    pub bytes: usize,
}

/// All of them, in the order of the table.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "tcp-up-65520", unit: "packet of 65,520 bytes", run: || tcp_up(65_520 - 40, 3) },
    Scenario { name: "tcp-up-1500", unit: "packet of 1,500 bytes", run: || tcp_up(1_500 - 40, 64) },
    Scenario { name: "tcp-down", unit: "batch of the link", run: tcp_down },
    Scenario { name: "tcp-request", unit: "100 bytes each way on an open flow", run: tcp_request },
    Scenario { name: "tcp-connection", unit: "the same with SYN and both FINs", run: tcp_connection },
    Scenario { name: "udp-up", unit: "datagram of 1,200 bytes", run: udp_up },
    Scenario { name: "udp-down", unit: "datagram of 1,200 bytes", run: udp_down },
    Scenario { name: "echo", unit: "request and reply", run: echoes },
    Scenario { name: "mux-send", unit: "DATA frame of 1,000 bytes", run: || mux(true) },
    Scenario { name: "mux-receive", unit: "DATA frame of 1,000 bytes", run: || mux(false) },
    Scenario { name: "dns-cached", unit: "answer", run: dns_cached },
];

/// As many packets at once as fit the window that the stack announces, or a batch of the device.
fn tcp_up(payload: usize, packets: usize) -> Work {
    const ROUNDS: usize = 200;
    let (mut world, mut stream) = connected();
    let payload = vec![0; payload];
    for _ in 0..ROUNDS {
        let packets: Vec<_> = (0..packets).map(|_| stream.data(&payload)).collect();
        world.send(&packets);
        world.exchange_all();
        hear(&mut world, &mut stream);
    }
    let work = Work { units: ROUNDS * packets, bytes: ROUNDS * packets * payload.len() };
    assert_eq!(world.manager.received, work.bytes);
    work
}

/// A target that always has more; the laptop acknowledges each packet.
fn tcp_down() -> Work {
    const ROUNDS: usize = 1_000;
    let (mut world, mut stream) = connected();
    world.manager.say(world.manager.flow, usize::MAX, false);
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        world.exchange();
        let mut acknowledgements = Vec::new();
        for packet in world.arrived.0.drain(..) {
            bytes += stream.hear(&packet);
            acknowledgements.push(stream.ack());
        }
        world.send(&acknowledgements);
    }
    assert_eq!(world.core.totals().received_bytes as usize, bytes);
    assert!(bytes > ROUNDS * 65_000, "the batches were not full");
    Work { units: ROUNDS, bytes }
}

fn tcp_request() -> Work {
    const ROUNDS: usize = 1_000;
    let (mut world, mut stream) = connected();
    (0..ROUNDS).for_each(|_| request(&mut world, &mut stream));
    Work { units: ROUNDS, bytes: 0 }
}

fn tcp_connection() -> Work {
    const ROUNDS: usize = 500;
    let mut world = World::new();
    for port in (2_000..).take(ROUNDS) {
        let mut stream = connect(&mut world, port);
        request(&mut world, &mut stream);
        world.send(&[stream.fin()]);
        world.exchange_all();
        hear(&mut world, &mut stream);
        world.send(&[stream.ack()]);
        world.exchange_all();
        assert_eq!((world.core.flow_count(), world.manager.mux.flow_count()), (0, 0), "the flow has not ended");
    }
    Work { units: ROUNDS, bytes: 0 }
}

fn udp_up() -> Work {
    const ROUNDS: usize = 50;
    const BATCH: usize = 32;
    let mut world = World::new();
    let payload = [0; 1_200];
    for _ in 0..ROUNDS {
        world.send(&vec![datagram(&payload); BATCH]);
        world.exchange_all();
    }
    let work = Work { units: ROUNDS * BATCH, bytes: ROUNDS * BATCH * payload.len() };
    assert_eq!(world.manager.received, work.bytes);
    work
}

fn udp_down() -> Work {
    const ROUNDS: usize = 50;
    const BATCH: usize = 32;
    let mut world = World::new();
    world.send(&[datagram(&[])]);
    world.exchange_all();
    let payload = Bytes::from_static(&[0; 1_200]);
    for _ in 0..ROUNDS {
        (0..BATCH).for_each(|_| world.manager.mux.datagram(world.manager.flow, payload.clone()));
        world.exchange_all();
    }
    let arrived = &world.arrived.0;
    assert!(arrived.len() == ROUNDS * BATCH && arrived.iter().all(|(_, length)| *length == 28 + payload.len()));
    Work { units: ROUNDS * BATCH, bytes: ROUNDS * BATCH * payload.len() }
}

fn echoes() -> Work {
    const ROUNDS: usize = 1_000;
    let mut world = World::new();
    world.manager.mirrors = true;
    for sequence in 0..ROUNDS {
        world.send(&[echo(sequence as u16, &[0; 56])]);
        world.exchange_all();
    }
    assert_eq!(world.arrived.0.len(), ROUNDS);
    Work { units: ROUNDS, bytes: 0 }
}

/// Many flows with a small frame each: what a frame costs where no core is beside the multiplexer.
fn mux(sending: bool) -> Work {
    const ROUNDS: usize = 50;
    const FLOWS: usize = 64;
    let now = Instant::now();
    let (mut client, mut server) = (Mux::new(Side::Client, now), Mux::new(Side::Server, now));
    let flows: Vec<FlowId> = (0..FLOWS).filter_map(|_| client.open(Kind::Tcp, TARGET.into())).collect();
    let (mut events, mut frames) = (Vec::new(), 0);
    let maybe_counted = |counts: bool, part: &mut dyn FnMut()| if counts { counted(part) } else { part() };
    for _ in 0..ROUNDS {
        let mut up = batch();
        maybe_counted(sending, &mut || {
            flows.iter().for_each(|flow| client.ready(*flow));
            client.transmit(&mut up, BATCH, now, &mut Thousand);
        });
        let mut up = message(up);
        maybe_counted(!sending, &mut || {
            server.receive(std::mem::take(&mut up), now, &mut events).expect("the client keeps to the protocol");
            for event in events.drain(..) {
                if let mux::Event::Data { flow, bytes } = event {
                    server.consumed(flow, bytes.len(), now);
                    frames += 1;
                }
            }
        });
        let mut down = batch();
        server.transmit(&mut down, BATCH, now, &mut Thousand);
        client.receive(message(down), now, &mut events).expect("the server keeps to the protocol");
    }
    assert_eq!(frames, ROUNDS * FLOWS);
    Work { units: frames, bytes: frames * 1_000 }
}

/// Gives a thousand bytes each time.
struct Thousand;

impl Source for Thousand {
    fn pull(&mut self, _: FlowId, _: usize, out: &mut BytesMut) -> Pull {
        out.put_bytes(0, 1_000);
        Pull::Empty
    }
}

fn dns_cached() -> Work {
    const ROUNDS: usize = 5;
    const NAMES: usize = 1_000;
    let now = Instant::now();
    let mut resolver = Resolver::<()>::new(1);
    resolver
        .set_cluster(&hawser_dns::ClusterNames {
            domains: vec!["demo.local".to_owned()],
            search_domain: "shop.svc.demo.local".to_owned(),
            ..Default::default()
        })
        .expect("these are names");
    resolver.set_connected(true, now);
    let queries: Vec<Vec<u8>> = (0..NAMES).map(query).collect();
    for query in &queries {
        resolver.handle_query((), Transport::Udp, query, now);
        while let Some(event) = resolver.poll_event() {
            if let Event::Lookup { id, query, .. } = event {
                resolver.handle_reply(id, Ok((By::Cluster(None), &answer(query))), now);
            }
        }
    }
    for query in queries.iter().cycle().take(ROUNDS * NAMES) {
        // The helper's way, by events.
        let event = counted(|| {
            resolver.handle_query((), Transport::Udp, query, now);
            resolver.poll_event()
        });
        assert!(matches!(event, Some(Event::Answer { .. })), "an answer was not remembered");
    }
    Work { units: ROUNDS * NAMES, bytes: 0 }
}

fn query(number: usize) -> Vec<u8> {
    let mut message = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
    message.extend(format!("\x0bservice-{number:03}").bytes());
    message.extend(b"\x04shop\x03svc\x04demo\x05local\0\0\x01\0\x01");
    message
}

fn answer(mut query: Vec<u8>) -> Vec<u8> {
    query[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    query.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\x60\0\x0b");
    query
}

fn connected() -> (World, Stream) {
    let mut world = World::new();
    let stream = connect(&mut world, 2_000);
    (world, stream)
}

fn connect(world: &mut World, port: u16) -> Stream {
    let mut stream = Stream::new(port);
    world.send(&[stream.syn()]);
    world.exchange_all();
    hear(world, &mut stream);
    world.send(&[stream.ack()]);
    stream
}

/// 100 bytes to the target and 100 back.
fn request(world: &mut World, stream: &mut Stream) {
    let before = world.manager.received;
    world.send(&[stream.data(&[0; 100])]);
    world.exchange_all();
    hear(world, stream);
    world.manager.say(world.manager.flow, 100, false);
    world.exchange_all();
    let heard = hear(world, stream);
    assert_eq!((world.manager.received - before, heard), (100, 100));
    world.send(&[stream.ack()]);
}

fn hear(world: &mut World, stream: &mut Stream) -> usize {
    world.arrived.0.drain(..).map(|packet| stream.hear(&packet)).sum()
}
