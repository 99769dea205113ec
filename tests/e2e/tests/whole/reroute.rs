//! Other subnets over a connection that is there.

use std::time::Duration;

use crate::support::{eventually, hawser, probe, read, state, status, world};
use hawser_e2e::World;
use hawser_e2e::probe::ports;
use serde_json::{Value, json};

#[test]
fn an_open_flow_survives_other_routes_and_what_is_refused_changes_none() {
    let world = world();
    let connect = format!("{} connect {}", hawser(), world.connect_arguments().unwrap());
    let target = format!("{}:{}", world.ip, ports::ECHO);
    let linger = format!("exec {} linger {target} --seconds 6", world.probe_command());
    let lingering = world.spawn(&linger, Duration::from_secs(20)).unwrap();
    eventually("the connection is open", Duration::from_secs(5), || {
        read(&world, "ss -tnH state established").contains(&target)
    });
    let since = status(&world)["connections"][0]["since"].clone();
    assert!(leads(&world, "10.96.0.12") && !leads(&world, "198.51.100.9"));

    // The subnet that the flow goes by falls apart into many, and comes together again.
    read(&world, &format!("{connect} --never-proxy 10.96.0.12/32 --also-proxy 198.51.100.0/24"));
    assert!(!leads(&world, "10.96.0.12") && leads(&world, "198.51.100.9") && leads(&world, "10.96.0.11"));
    assert!(!read(&world, "ip route show dev hawser0").contains("10.96.0.0/16"));
    read(&world, "curl -sS --fail http://web/");
    assert_ne!(world.run("curl -4 -sS --fail --max-time 2 http://plain/").unwrap().code, 0);
    read(&world, &format!("{connect} --never-proxy 10.96.0.13/32"));
    assert!(leads(&world, "10.96.0.12") && !leads(&world, "198.51.100.9") && !leads(&world, "10.96.0.13"));
    read(&world, "curl -4 -sS --fail http://plain/");

    // What somebody else has is refused, and everything is as it was.
    read(&world, "ip tuntap add docker0 mode tun && ip addr add 172.17.0.1/16 dev docker0 && ip link set docker0 up");
    let before = (read(&world, "ip route; ip -6 route"), lists(&world));
    for (also, code) in [("172.16.0.0/12", "subnet-conflict"), ("127.0.0.0/8", "subnet-invalid")] {
        let refused = world.run(&format!("{connect} --also-proxy {also}")).unwrap();
        assert!(refused.code == 1 && refused.stderr.contains(code), "{refused:?}");
    }
    assert_eq!((read(&world, "ip route; ip -6 route"), lists(&world)), before);
    // Whoever says nothing of subnets leaves them.
    read(&world, &connect);
    assert_eq!(lists(&world), before.1);

    let kept: Value = serde_json::from_str(&lingering.wait().unwrap().ok().unwrap().stdout).unwrap();
    assert_eq!(kept, json!({ "ended": null }));
    assert_eq!((state(&world).as_str(), &status(&world)["connections"][0]["since"]), ("connected", &since));

    let helper = probe(&world, "usage")["helper"]["pid"].as_i64().unwrap();
    read(&world, &format!("{} respawn {helper}", world.probe_command()));
    probe(&world, &format!("recover {target}"));
    eventually("it stands again", Duration::from_secs(5), || state(&world) == "connected");
    assert!(leads(&world, "10.96.0.12") && !leads(&world, "10.96.0.13"));
}

/// Whether packets to this address go into the connection.
fn leads(world: &World, address: &str) -> bool {
    world.run(&format!("ip route get {address}")).unwrap().stdout.contains("dev hawser0")
}

/// What the user wants routed and what not.
fn lists(world: &World) -> (Value, Value) {
    let connection = &status(world)["connections"][0];
    (connection["also_proxy"].clone(), connection["never_proxy"].clone())
}
