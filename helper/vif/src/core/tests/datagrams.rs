use std::net::SocketAddr;
use std::time::Duration;

use hawser_tunnel::frame::Reason;

use super::world::{REFUSED, Weather, World};
use crate::compose::Composer;
use crate::core::Event;
use crate::limits::DATAGRAM_IDLE;
use crate::packet::{Packet, Protocol, Tuple, parse_udp};
use crate::reassembly::Reassembly;
use crate::stack::PacketSink;

struct Packets(Vec<Vec<u8>>);

impl PacketSink for Packets {
    fn send(&mut self, packet: &mut [u8]) {
        self.0.push(packet.to_vec());
    }
}

fn tuple(protocol: Protocol, target: &str) -> Tuple {
    let destination: SocketAddr = target.parse().unwrap();
    let source = if destination.is_ipv4() { "198.18.0.1:5000" } else { "[fd68::1]:5000" };
    Tuple { protocol, source: source.parse().unwrap(), destination }
}

/// Packets as the laptop's kernel would send them: the composer makes those of the other direction.
fn packets(tuple: &Tuple, payload: &[u8]) -> Vec<Vec<u8>> {
    let turned = Tuple { protocol: tuple.protocol, source: tuple.destination, destination: tuple.source };
    let mut packets = Packets(Vec::new());
    Composer::default().udp(&turned, payload, &mut packets);
    packets.0
}

/// The datagrams that came back, put together from their fragments.
fn received(world: &mut World) -> Vec<Vec<u8>> {
    let mut reassembly = Reassembly::default();
    let mut datagrams = Vec::new();
    for bytes in std::mem::take(&mut world.laptop.seen) {
        let packet = Packet::parse(&bytes).unwrap();
        let whole = match packet.fragment {
            Some(_) => reassembly.push(&packet, world.now),
            None => Some(packet.payload.to_vec()),
        };
        if let Some(payload) = whole {
            datagrams.extend(parse_udp(packet.source, packet.destination, &payload).map(|(_, data)| data.to_vec()));
        }
    }
    datagrams
}

#[test]
fn datagrams_of_every_size_come_back_over_ipv4_and_ipv6() {
    for target in ["10.0.0.1:9", "[fd00::1]:9"] {
        for size in [0, 1, 1_200, 8_000, 65_000, 65_480, 65_507] {
            let mut world = World::new(Weather::default());
            let payload: Vec<u8> = (0..size).map(|n| (n % 241) as u8).collect();
            for packet in packets(&tuple(Protocol::Udp, target), &payload) {
                world.inject(&packet);
            }
            let mut back = Vec::new();
            world.until("the datagram", |world| {
                back = received(world);
                !back.is_empty()
            });
            assert!(back == [payload], "{target} {size}");
        }
    }
}

#[test]
fn a_refused_datagram_is_port_unreachable() {
    let mut world = World::new(Weather::default());
    for packet in packets(&tuple(Protocol::Udp, &format!("10.0.0.1:{REFUSED}")), b"x") {
        world.inject(&packet);
    }
    world.until("the ICMP error", |world| world.laptop.seen.iter().any(|packet| packet[20..22] == [3, 3]));
    assert_eq!(world.core.flow_count(), 0);
}

#[test]
fn an_idle_association_is_forgotten() {
    let mut world = World::new(Weather::default());
    for packet in packets(&tuple(Protocol::Udp, "10.0.0.1:9"), b"x") {
        world.inject(&packet);
    }
    assert_eq!(world.core.flow_count(), 1);
    world.run_for(DATAGRAM_IDLE + Duration::from_secs(10));
    assert_eq!(world.core.flow_count(), 0);
    assert_eq!(world.manager.resets, [Reason::TimedOut]);
}

#[test]
fn an_echo_is_answered_only_if_the_target_answers() {
    let request = |target: [u8; 4]| {
        let mut packet = vec![0x45, 0, 0, 32, 0, 1, 0, 0, 64, 1, 0, 0, 198, 18, 0, 1];
        packet.extend_from_slice(&target);
        packet.extend_from_slice(&[8, 0, 0, 0, 0x12, 0x34, 0, 1, 1, 2, 3, 4]);
        packet
    };
    let mut world = World::new(Weather::default());
    world.inject(&request([10, 0, 0, 1]));
    world.until("the reply", |world| world.laptop.seen.iter().any(|packet| packet[9] == 1 && packet[20] == 0));
    let reply = &world.laptop.seen[0];
    assert_eq!(
        (&reply[24..32], &reply[12..20]),
        (&[0x12, 0x34, 0, 1, 1, 2, 3, 4][..], &[10, 0, 0, 1, 198, 18, 0, 1][..])
    );
    world.cut_link();
    world.laptop.seen.clear();
    world.inject(&request([10, 0, 0, 2]));
    world.run_for(Duration::from_secs(1));
    assert!(world.laptop.seen.iter().all(|packet| packet[20] == 3), "no reply without a link");
}

#[test]
fn messages_reach_the_virtual_address_and_answers_come_from_it() {
    for target in ["198.18.0.53:53", "[fd68::53]:53"] {
        let mut world = World::new(Weather::default());
        for packet in packets(&tuple(Protocol::Udp, target), b"question") {
            world.inject(&packet);
        }
        let Some(Event::Message { asker, message }) = world.event() else { panic!("no message") };
        assert_eq!(&message[..], b"question");
        world.reply(asker, b"answer");
        let mut back = Vec::new();
        world.until("the answer", |world| {
            back = received(world);
            !back.is_empty()
        });
        assert_eq!(back, [b"answer"]);
        assert_eq!(world.core.flow_count(), 0, "it is no flow");
    }
}
