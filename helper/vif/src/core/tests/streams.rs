use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use hawser_tunnel::frame::Reason;
use hawser_tunnel::limits::INITIAL_CREDIT;
use proptest::prelude::*;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;

use super::world::{ECHO, FORBIDDEN, GREETER, REFUSED, RESETS, SILENT, STUCK, UNREACHABLE, Weather, World};
use crate::core::{Asker, Event};
use crate::limits::{CLOSED_RECORDS, MTU, RING};
use crate::record::FlowState;

const TARGET: [u8; 4] = [10, 0, 0, 1];

fn state(world: &mut World, handle: SocketHandle) -> State {
    world.socket(handle).state()
}

/// Sends all of `sent` through the echo and returns what came back, up to the end of the stream.
fn through_echo(world: &mut World, handle: SocketHandle, sent: &[u8]) -> Vec<u8> {
    let (mut at, mut back) = (0, Vec::new());
    world.until("the echo", |world| {
        let socket = world.socket(handle);
        if socket.may_send() && at < sent.len() {
            at += socket.send_slice(&sent[at..]).unwrap();
        } else if socket.state() == State::Established && at == sent.len() {
            socket.close();
        }
        while socket.can_recv() {
            socket.recv(|bytes| (bytes.len(), back.extend_from_slice(bytes))).unwrap();
        }
        at == sent.len() && !socket.may_recv() && socket.state() != State::SynSent
    });
    back
}

fn closed_because(world: &World) -> Vec<&'static str> {
    let records = world.core.records();
    records
        .iter()
        .filter_map(|record| if let FlowState::Closed(why) = record.state { Some(why) } else { None })
        .collect()
}

#[test]
fn bytes_and_both_ends_cross_over_ipv4_and_ipv6() {
    for target in [(TARGET.into(), ECHO), (IpAddr::V6(Ipv6Addr::LOCALHOST.to_bits().wrapping_add(9).into()), ECHO)] {
        let mut world = World::new(Weather::default());
        let handle = world.connect(target);
        let sent: Vec<u8> = (0..1_500_000u32).map(|n| (n % 249) as u8).collect();
        assert!(through_echo(&mut world, handle, &sent) == sent, "the bytes differ");
        world.until("no flow is left", |world| world.core.flow_count() == 0 && world.manager.mux.flow_count() == 0);
        assert_eq!(closed_because(&world), ["closed"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_weather_changes_what_arrives(
        loss in 0u8..12, duplication in 0u8..12, reordering in 0u8..12, seed: u64, size in 1usize..120_000,
    ) {
        let mut world = World::new(Weather { loss, duplication, reordering, seed });
        let handle = world.connect((TARGET, ECHO));
        let sent: Vec<u8> = (0..size).map(|n| (n % 247) as u8).collect();
        prop_assert!(through_echo(&mut world, handle, &sent) == sent, "the bytes differ");
    }
}

#[test]
fn a_syn_is_answered_as_the_far_side_would() {
    let mut world = World::new(Weather::default());
    let refused = world.connect((TARGET, REFUSED));
    let silent = world.connect((TARGET, SILENT));
    world.until("the refusal", |world| state(world, refused) == State::Closed);
    world.run_for(Duration::from_secs(3));
    assert_eq!(state(&mut world, silent), State::SynSent, "nothing answered");
    assert_eq!(world.manager.silent.len(), 1, "one dial, however often the kernel asks");
    let flow = world.manager.silent[0];
    world.manager.mux.reject(flow, Reason::TimedOut);
    world.until("the kernel asks again", |world| world.manager.silent.len() == 2);
    assert_eq!(closed_because(&world), ["timed out", "refused"]);
}

#[test]
fn unreachable_and_forbidden_are_icmp() {
    for (port, code) in [(UNREACHABLE, 1), (FORBIDDEN, 13)] {
        let mut world = World::new(Weather::default());
        world.connect((TARGET, port));
        world.until("the ICMP error", |world| {
            world.laptop.seen.iter().any(|packet| packet[9] == 1 && packet[20..22] == [3, code])
        });
        assert!(world.laptop.seen.iter().all(|packet| packet[9] == 1), "no TCP segment came");
    }
}

#[test]
fn a_half_closed_flow_still_delivers() {
    let mut world = World::new(Weather::default());
    let handle = world.connect((TARGET, GREETER));
    world.until("the greeting's end", |world| state(world, handle) == State::CloseWait);
    let mut heard = Vec::new();
    world.socket(handle).recv(|bytes| (bytes.len(), heard.extend_from_slice(bytes))).unwrap();
    assert_eq!(heard, b"hello");
    world.socket(handle).send_slice(b"after the end").unwrap();
    world.until("it arrives", |world| world.core.records()[0].sent_bytes == 13);
    assert_eq!(world.core.records()[0].state, FlowState::HalfClosed);
    world.socket(handle).close();
    world.until("all is over", |world| world.core.flow_count() == 0);
}

#[test]
fn resets_cross_both_ways() {
    let mut world = World::new(Weather::default());
    let handle = world.connect((TARGET, RESETS));
    world.until("connected", |world| state(world, handle) == State::Established);
    world.socket(handle).send_slice(b"x").unwrap();
    world.until("reset by the target", |world| state(world, handle) == State::Closed);
    let handle = world.connect((TARGET, ECHO));
    world.until("connected", |world| state(world, handle) == State::Established);
    world.socket(handle).abort();
    world.until("reset by the laptop", |world| world.manager.resets == [Reason::Reset]);
    assert_eq!((world.core.flow_count(), world.manager.mux.flow_count()), (0, 0));
    assert_eq!(closed_because(&world), ["reset by the laptop", "reset by the far side"]);
}

#[test]
fn a_batch_of_a_bulk_flow_is_one_packet_to_the_laptop() {
    for target in [(TARGET.into(), ECHO), (IpAddr::V6(Ipv6Addr::LOCALHOST), ECHO)] {
        let mut world = World::new(Weather::default());
        let handle = world.connect(target);
        world.until("connected", |world| state(world, handle) == State::Established);
        world.run_for(Duration::from_millis(20));
        world.laptop.seen.clear();
        let flow = *world.manager.targets.keys().next().unwrap();
        let headers = if target.0.is_ipv4() { 40 } else { 60 };
        let share = 65_411;
        world.manager.say(flow, &vec![1; 3 * share], false);
        let mut heard = 0;
        world.until("all of it", |world| {
            heard += world.socket(handle).recv(|bytes| (bytes.len(), bytes.len())).unwrap();
            heard == 3 * share
        });
        let sizes: Vec<usize> = world.laptop.seen.iter().map(Vec::len).filter(|size| *size > headers).collect();
        assert_eq!(sizes, [headers + share; 3]);
        assert!(sizes[0] <= MTU);
    }
}

#[test]
fn who_does_not_read_stops_the_sender_and_nobody_else() {
    let mut world = World::new(Weather::default());
    let stuck = world.connect((TARGET, STUCK));
    world.until("connected", |world| state(world, stuck) == State::Established);
    let mut taken = 0;
    for _ in 0..3_000 {
        taken += world.socket(stuck).send_slice(&[1; 32 * 1024]).unwrap();
        world.run_for(Duration::from_millis(2));
    }
    assert_eq!(world.manager.stuck_bytes as u64, INITIAL_CREDIT);
    assert!(taken < INITIAL_CREDIT as usize + RING + 2 * 128 * 1024, "{taken} bytes went somewhere");
    let free = world.connect((TARGET, ECHO));
    assert!(through_echo(&mut world, free, b"hello") == b"hello");
}

#[test]
fn a_lost_link_resets_flows_and_refuses_new_ones_until_it_is_back() {
    let mut world = World::new(Weather::default());
    let handle = world.connect((TARGET, ECHO));
    world.until("connected", |world| state(world, handle) == State::Established);
    world.cut_link();
    world.until("the reset", |world| state(world, handle) == State::Closed);
    world.laptop.seen.clear();
    world.connect((TARGET, ECHO));
    world.until("the ICMP error", |world| world.laptop.seen.iter().any(|packet| packet[20..22] == [3, 1]));
    world.link = world.core.link_up(world.now);
    world.manager.mux = hawser_tunnel::mux::Mux::new(hawser_tunnel::mux::Side::Server, world.now);
    let handle = world.connect((TARGET, ECHO));
    assert!(through_echo(&mut world, handle, b"again") == b"again");
}

#[test]
fn a_segment_of_no_flow_is_reset() {
    let mut world = World::new(Weather::default());
    let handle = world.connect((TARGET, ECHO));
    world.until("connected", |world| state(world, handle) == State::Established);
    let records = world.core.records();
    let mut fresh = World::new(Weather::default());
    std::mem::swap(&mut world.core, &mut fresh.core);
    world.socket(handle).send_slice(b"x").unwrap();
    world.until("the reset", |world| state(world, handle) == State::Closed);
    assert_eq!(records.len(), 1);
}

#[test]
fn messages_over_tcp_reach_the_virtual_address() {
    let mut world = World::new(Weather::default());
    let handle = world.connect(([198, 18, 0, 53], 53));
    world.until("connected", |world| state(world, handle) == State::Established);
    world.socket(handle).send_slice(&[0, 5, b'h', b'e']).unwrap();
    world.run_for(Duration::from_millis(20));
    assert!(world.event().is_none(), "half a message is none");
    world.socket(handle).send_slice(b"llo\x00\x01!").unwrap();
    let mut askers = Vec::new();
    world.until("both messages", |world| {
        while let Some(Event::Message { asker, message }) = world.event() {
            askers.push((asker, message));
        }
        askers.len() == 2
    });
    assert_eq!((&askers[0].1[..], &askers[1].1[..]), (&b"hello"[..], &b"!"[..]));
    assert!(matches!(askers[0].0, Asker::Tcp(_)));
    let (source, local) = world.core.ends(askers[0].0).unwrap();
    assert_eq!((source.ip(), local), ([198, 18, 0, 1].into(), ([198, 18, 0, 53], 53).into()));
    world.reply(askers[0].0, b"answer");
    world.until("the answer", |world| world.socket(handle).recv_queue() == 8);
    world.socket(handle).close();
    world.until("all is over", |world| world.core.flow_count() == 0);
    assert_eq!(world.core.ends(askers[0].0), None);
}

#[test]
fn closed_flows_are_remembered_up_to_a_bound() {
    let mut world = World::new(Weather::default());
    for _ in 0..CLOSED_RECORDS + 5 {
        let handle = world.connect((TARGET, REFUSED));
        world.until("the refusal", |world| state(world, handle) == State::Closed);
        world.laptop.sockets.remove(handle);
    }
    assert_eq!(world.core.records().len(), CLOSED_RECORDS);
}

/// Lets the laptop send three bytes, and says how many packets it gets within so many milliseconds.
fn packets_for_three_bytes(world: &mut World, handle: SocketHandle, within: u64) -> usize {
    let before = world.laptop.seen.len();
    assert_eq!(world.socket(handle).send_slice(b"ask"), Ok(3));
    world.run_for(Duration::from_millis(within));
    world.laptop.seen.len() - before
}

#[test]
fn an_acknowledgement_waits_for_the_answer_where_both_speak_in_turns_and_nowhere_else() {
    let mut world = World::new(Weather::default());
    let handle = world.connect((TARGET, ECHO));
    world.until("the connection", |world| state(world, handle) == State::Established);
    let packets: Vec<usize> = (0..4).map(|_| packets_for_three_bytes(&mut world, handle, 20)).collect();
    assert_eq!(packets, [2, 1, 1, 1]);

    let handle = world.connect((TARGET, STUCK));
    world.until("the connection", |world| state(world, handle) == State::Established);
    let flow = *world.manager.targets.iter().find(|(_, port)| **port == STUCK).unwrap().0;
    let answer = |world: &mut World| {
        world.manager.say(flow, b"answer", false);
        world.run_for(Duration::from_millis(20));
    };
    world.socket(handle).set_nagle_enabled(false);
    assert_eq!(packets_for_three_bytes(&mut world, handle, 4), 1, "nothing is known of it yet");
    answer(&mut world);
    assert_eq!(packets_for_three_bytes(&mut world, handle, 4), 0, "it waits");
    world.run_for(Duration::from_millis(6));
    assert_eq!(world.socket(handle).send_queue(), 0, "it has waited long enough");
    assert_eq!(packets_for_three_bytes(&mut world, handle, 4), 1, "the second in a row");
    answer(&mut world);
    assert_eq!(packets_for_three_bytes(&mut world, handle, 4), 1, "never again");
}
