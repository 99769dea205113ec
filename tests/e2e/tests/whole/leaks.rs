//! A hundred thousand connections leave nothing behind.

use std::time::Duration;

use crate::support::{eventually, probe, status, world};
use serde_json::Value;

#[test]
fn connections_that_ended_leave_no_file_no_flow_and_no_memory() {
    let world = world();
    // Pools, caches and the ring of closed flows fill up first.
    churn(&world, 20_000);
    let before = at_rest(&world);
    churn(&world, 100_000);
    let after = at_rest(&world);
    for process in ["helper", "manager"] {
        let grown = |what: &str| after[process][what].as_f64().unwrap() - before[process][what].as_f64().unwrap();
        assert_eq!(before[process]["pid"], after[process]["pid"]);
        assert!(grown("files") <= 2.0, "{process}: files grew by {}\n{before}\n{after}", grown("files"));
        assert!(grown("resident_mb") < 4.0, "{process}: grew by {} MB", grown("resident_mb"));
    }
}

fn churn(world: &hawser_e2e::World, count: usize) {
    let command = format!("churn {} {count}", world.ip);
    let report = world.probe_within(&command, Duration::from_secs(240)).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report["failed"], serde_json::json!({}), "{report}");
}

/// Usage once no flow is open any more.
fn at_rest(world: &hawser_e2e::World) -> Value {
    eventually("all flows have ended", Duration::from_secs(30), || status(world)["connections"][0]["open_flows"] == 0);
    probe(world, "usage")
}
