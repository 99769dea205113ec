use smoltcp::socket::tcp::State;

use super::world::{ECHO, SILENT, Weather, World};

const TARGET: [u8; 4] = [10, 0, 0, 1];

fn echoes(world: &mut World, handle: smoltcp::iface::SocketHandle, text: &[u8]) {
    world.until("connected", |world| world.socket(handle).state() == State::Established);
    world.socket(handle).send_slice(text).unwrap();
    let mut back = Vec::new();
    world.until("the echo", |world| {
        let socket = world.socket(handle);
        if socket.can_recv() {
            socket.recv(|bytes| (bytes.len(), back.extend_from_slice(bytes))).unwrap();
        }
        back.len() >= text.len()
    });
    assert_eq!(back, text);
}

#[test]
fn flows_stay_where_they_began_and_new_ones_go_over_the_preferred_link() {
    let mut world = World::new(Weather::default());
    let old = world.connect((TARGET, ECHO));
    echoes(&mut world, old, b"one");
    world.add_link();
    let new = world.connect((TARGET, ECHO));
    echoes(&mut world, new, b"two");
    echoes(&mut world, old, b"three");
    let second = world.second.as_ref().unwrap();
    assert_eq!((world.core.flows_on(world.link), world.core.flows_on(second.0)), (1, 1));
    assert_eq!((world.manager.mux.flow_count(), second.1.mux.flow_count()), (1, 1));
    world.core.prefer(world.link);
    let third = world.connect((TARGET, ECHO));
    echoes(&mut world, third, b"four");
    assert_eq!(world.core.flows_on(world.link), 2);
}

#[test]
fn a_lost_link_takes_its_own_flows_only() {
    let mut world = World::new(Weather::default());
    let old = world.connect((TARGET, ECHO));
    echoes(&mut world, old, b"one");
    world.add_link();
    let new = world.connect((TARGET, ECHO));
    echoes(&mut world, new, b"two");
    world.cut_second_link();
    world.until("the reset", |world| world.socket(new).state() == State::Closed);
    echoes(&mut world, old, b"three");
    let next = world.connect((TARGET, ECHO));
    echoes(&mut world, next, b"four");
}

#[test]
fn what_has_no_stream_yet_goes_on_over_the_other_link() {
    let mut world = World::new(Weather::default());
    world.add_link();
    let waiting = world.connect((TARGET, SILENT));
    world.until("the dial", |world| !world.second.as_ref().unwrap().1.silent.is_empty());
    world.cut_second_link();
    world.until("the dial on the other link", |world| !world.manager.silent.is_empty());
    assert_eq!(world.socket(waiting).state(), State::SynSent);
    let flow = world.manager.silent[0];
    world.manager.mux.accept(flow, 5);
    world.until("connected", |world| world.socket(waiting).state() == State::Established);
}
