//! What holds on a wire holds through the tunnel: refusal, ends, resets, datagrams, echoes.

use std::time::Duration;

use crate::support::{probe, read, targets, world};
use hawser_e2e::probe::ports;

#[test]
fn a_closed_port_refuses_at_once() {
    let world = world();
    for target in targets(&world, ports::CLOSED) {
        let report = probe(&world, &format!("refused {target} --count 50"));
        assert!(report["p50_us"].as_f64().unwrap() < 50_000.0, "{report}");
    }
    // curl's code for a refused connection.
    assert_eq!(world.run(&format!("curl -s http://{}:{}/", world.ip, ports::CLOSED)).unwrap().code, 7);
}

#[test]
fn half_closed_connections_deliver_the_rest() {
    let world = world();
    for target in targets(&world, ports::ECHO) {
        probe(&world, &format!("half-close {target}"));
    }
    let echo = format!("{} {}", world.ip, ports::ECHO);
    assert_eq!(read(&world, &format!("echo over nc | nc -N -w 5 {echo}")), "over nc");
    let socat = format!("socat -t 5 - TCP6:[{}]:{}", world.ip6, ports::ECHO);
    let sum = read(&world, &format!("seq 200000 | {socat} | sha256sum"));
    assert_eq!(sum, read(&world, "seq 200000 | sha256sum"));
}

#[test]
fn resets_cross_in_both_directions() {
    let world = world();
    for target in targets(&world, ports::RESET) {
        probe(&world, &format!("reset-in {target}"));
    }
    for target in targets(&world, ports::WITNESS) {
        probe(&world, &format!("reset-out {target}"));
    }
}

#[test]
fn datagrams_of_every_size_come_back_whole() {
    let world = world();
    for target in targets(&world, ports::UDP_ECHO) {
        probe(&world, &format!("udp-sizes {target} 0 1 1200 1452 1472 1473 8000 9000 32768 65000 65507"));
    }
}

#[test]
fn a_closed_udp_port_refuses() {
    let world = world();
    for target in targets(&world, ports::CLOSED) {
        probe(&world, &format!("udp-refused {target}"));
    }
}

#[test]
fn ping_is_answered_by_the_living_alone() {
    let world = world();
    read(&world, &format!("ping -c 3 -i 0.2 -W 2 {}", world.ip));
    read(&world, &format!("ping -6 -c 3 -i 0.2 -W 2 {}", world.ip6));
    read(&world, &format!("ping -c 2 -i 0.2 -s 8000 -W 2 {}", world.ip));
    for dead in ["10.96.99.99", "10.96.255.1", "fd00:96::9999", "fd00:96::ff01"] {
        let output = world.run(&format!("ping -c 1 -W 1 {dead}")).unwrap();
        assert_eq!(output.code, 1, "{dead}: {}", output.stdout);
    }
}

#[test]
fn an_unused_address_is_unreachable_and_not_refused() {
    let world = world();
    for dead in ["10.96.99.99", "[fd00:96::9999]"] {
        let output = world.run(&format!("curl -s -S --max-time 5 http://{dead}/")).unwrap();
        assert_eq!(output.code, 7, "{dead}: {}", output.stderr);
        assert!(output.took < Duration::from_secs(4), "{dead}: {:?}", output.took);
        let message = output.stderr.to_lowercase();
        assert!(!message.contains("refused"), "{dead}: {message}");
    }
}

#[test]
fn a_silent_address_stays_silent() {
    let world = world();
    let output = world.run("curl -s --connect-timeout 2 http://10.96.255.1/").unwrap();
    assert_eq!(output.code, 28, "{}", output.stderr);
}

#[test]
fn a_reader_that_stops_bounds_what_is_taken() {
    let world = world();
    let report = probe(&world, &format!("stall {}:{}", world.ip, ports::STALL));
    assert!(report["bytes"].as_u64().unwrap() < 64 << 20, "{report}");
    // Nobody else is held up.
    probe(&world, &format!("half-close {}:{}", world.ip, ports::ECHO));
}

#[test]
fn bytes_arrive_as_they_were_sent() {
    let world = world();
    for target in targets(&world, ports::CHECKSUM) {
        probe(&world, &format!("checksum {target} 200000001 200000003"));
    }
}

#[test]
fn a_thousand_connects_at_once_all_succeed() {
    let world = world();
    let report = probe(&world, &format!("storm {}:{} 1000", world.ip, ports::ECHO));
    assert_eq!(report["open"], 1000, "{report}");
}
