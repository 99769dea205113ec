//! Things that break in the middle, and how the rest goes on.

use std::time::Duration;

use crate::support::{SHOP, eventually, probe, read, state, status, world};
use hawser_e2e::World;
use hawser_e2e::probe::ports;
use serde_json::Value;

/// How soon everything has to work again once the broken part is back.
const BACK: Duration = Duration::from_secs(3);

#[test]
fn a_killed_manager_ends_flows_at_once_and_is_found_again() {
    let world = world();
    let target = format!("{}:{}", world.ip, ports::ECHO);
    let lingering = linger(&world, &target);
    respawn_manager(&world, 3000);
    let broken = ended(lingering);
    assert_eq!(broken["ended"], "ConnectionReset", "{broken}");

    eventually("status tells", Duration::from_secs(2), || state(&world) == "reconnecting");
    let connection = &status(&world)["connections"][0];
    assert!(connection["cause"]["code"].is_string() && connection["cause"]["fix"].is_string(), "{connection}");
    let asked = world.run(&format!("dig +tries=1 +time=3 fresh-{}.{SHOP}", std::process::id())).unwrap();
    assert!(asked.stdout.contains("SERVFAIL") && asked.took < Duration::from_secs(1), "{asked:?}");

    wait_for_manager(&world);
    let recovered = probe(&world, &format!("recover {target}"));
    assert!(recovered["ms"].as_f64().unwrap() < BACK.as_secs_f64() * 1e3, "{recovered}");
    assert_eq!(state(&world), "connected");
    read(&world, "curl -sS --fail http://web/");
}

#[test]
fn a_killed_helper_restores_addresses_and_routes() {
    let world = world();
    let target = format!("{}:{}", world.ip, ports::ECHO);
    let network =
        || read(&world, "ip -o addr show dev hawser0 scope global | sed 's/^[0-9]*: //'; ip route; ip -6 route");
    let before = network();
    let resolver = read(&world, "cat /etc/resolv.conf");
    let lingering = linger(&world, &target);
    let helper = probe(&world, "usage")["helper"]["pid"].as_i64().unwrap();
    read(&world, &format!("{} respawn {helper}", world.probe_command()));
    let recovered = probe(&world, &format!("recover {target}"));
    assert!(recovered["ms"].as_f64().unwrap() < BACK.as_secs_f64() * 1e3, "{recovered}");
    assert_eq!(network(), before);
    assert_eq!(read(&world, "cat /etc/resolv.conf"), resolver);
    let broken = ended(lingering);
    assert_eq!(broken["ended"], "ConnectionReset", "{broken}");
}

#[test]
fn a_silent_link_is_noticed_and_used_again_when_it_heals() {
    let world = world();
    let target = format!("{}:{}", world.ip, ports::ECHO);
    let manager = probe(&world, "usage")["manager"]["pid"].as_i64().unwrap();
    let gateway = status(&world)["connections"][0]["target"].as_str().unwrap().to_owned();
    let (gateway, _) = gateway.rsplit_once(':').unwrap();
    let laptop = read(&world, &format!("ip route get {gateway} | sed -n 's/.* src \\([^ ]*\\).*/\\1/p'"));
    let blackhole =
        |what: &str| read(&world, &format!("nsenter -t {manager} -n ip route {what} blackhole {laptop}/32"));

    let lingering = linger(&world, &target);
    blackhole("add");
    let broken = ended(lingering);
    assert_eq!(broken["ended"], "ConnectionReset", "{broken}");
    eventually("status tells", Duration::from_secs(2), || state(&world) == "reconnecting");
    blackhole("del");
    let recovered = probe(&world, &format!("recover {target}"));
    assert!(recovered["ms"].as_f64().unwrap() < BACK.as_secs_f64() * 1e3, "{recovered}");
}

#[test]
fn random_bytes_harm_neither_manager_nor_helper() {
    let world = world();
    let manager = status(&world)["connections"][0]["target"].as_str().unwrap().to_owned();
    let before = probe(&world, "usage");
    probe(&world, &format!("garbage --tcp {manager} --count 150"));
    probe(&world, "garbage --unix $HAWSER_SOCKET --count 150");
    let after = probe(&world, "usage");
    assert_eq!(before["helper"]["pid"], after["helper"]["pid"]);
    assert_eq!(before["manager"]["pid"], after["manager"]["pid"]);
    assert_eq!(state(&world), "connected");
    probe(&world, &format!("half-close {}:{}", world.ip, ports::ECHO));
}

#[test]
fn odd_packets_harm_nothing() {
    let world = world();
    // Raw sockets let anything past IP's own header into the VIF.
    for protocol in [1, 2, 6, 17, 47, 132, 255] {
        let sender = format!("socat -u - IP4-SENDTO:{}:{protocol}", world.ip);
        world.run(&format!("for n in 1 8 20 60 700; do head -c $n /dev/urandom | {sender}; done")).unwrap();
        let sender = format!("socat -u - IP6-SENDTO:[{}]:{protocol}", world.ip6);
        world.run(&format!("for n in 1 8 20 60 700; do head -c $n /dev/urandom | {sender}; done")).unwrap();
    }
    probe(&world, &format!("half-close {}:{}", world.ip, ports::ECHO));
    assert_eq!(state(&world), "connected");
}

fn linger<'w>(world: &'w World, target: &str) -> hawser_e2e::Job<'w> {
    let job =
        world.spawn(&format!("exec {} linger {target} --seconds 40", world.probe_command()), Duration::from_secs(45));
    eventually("the connection is open", Duration::from_secs(5), || {
        read(world, "ss -tnH state established").contains(target)
    });
    job.unwrap()
}

fn ended(job: hawser_e2e::Job<'_>) -> Value {
    serde_json::from_str(&job.wait().unwrap().ok().unwrap().stdout).unwrap()
}

/// The new manager has to run where the old one did; the command returns when it is killed and will come back.
fn respawn_manager(world: &World, away: u64) {
    let manager = probe(world, "usage")["manager"]["pid"].as_i64().unwrap();
    let respawn = format!("nsenter -t {manager} -n -m {} respawn {manager} --away {away}", world.probe_command());
    read(world, &format!("setsid {respawn} >/dev/null 2>&1 </dev/null &"));
}

fn wait_for_manager(world: &World) {
    eventually("the manager is back", Duration::from_secs(20), || {
        !world.probe("usage").map_or(Value::Null, |usage| usage["manager"].clone()).is_null()
    });
}
