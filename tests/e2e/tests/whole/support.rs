//! What the tests share.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hawser_e2e::{Options, World};
use serde_json::Value;

/// The search domain of the demo's shop.
pub const SHOP: &str = "shop.svc.demo.local";

/// A world with helper and manager.
pub fn world() -> World {
    start(&options())
}

/// The options of such a world, to add to.
pub fn options() -> Options {
    Options::new(env!("CARGO_BIN_EXE_probe"))
}

/// Starts a world or fails the test.
pub fn start(options: &Options) -> World {
    match World::start(options) {
        Ok(world) => world,
        Err(error) => panic!("{error:#}"),
    }
}

/// The program under test, as a shell word.
pub fn hawser() -> String {
    hawser_e2e::hawser().unwrap().display().to_string()
}

/// Both of the cluster's addresses with a port, as clients write them.
pub fn targets(world: &World, port: u16) -> [String; 2] {
    [format!("{}:{port}", world.ip), format!("[{}]:{port}", world.ip6)]
}

/// Runs the probe or fails the test.
pub fn probe(world: &World, arguments: &str) -> Value {
    match world.probe(arguments) {
        Ok(report) => report,
        Err(error) => panic!("{error:#}\n{}", world.log()),
    }
}

/// Output of a command that has to succeed.
pub fn read(world: &World, command: &str) -> String {
    match world.read(command) {
        Ok(output) => output,
        Err(error) => panic!("{error:#}"),
    }
}

/// `hawser status --json` as a value.
pub fn status(world: &World) -> Value {
    let text = read(world, &format!("{} status --json", hawser()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The state of the only connection, in the words of `hawser status --json`.
pub fn state(world: &World) -> String {
    status(world)["connections"][0]["state"].as_str().unwrap_or("none").to_owned()
}

/// Waits for a condition with a deadline.
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    started.elapsed()
}

/// The addresses in a program's output, one a line.
pub fn addresses(output: &str) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = output.lines().filter_map(|line| line.trim().parse().ok()).collect();
    addresses.sort();
    addresses
}
