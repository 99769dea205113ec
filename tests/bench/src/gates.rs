//! What has to be right before any number means something.

use std::time::Duration;

use anyhow::{Result, ensure};
use hawser_e2e::World;
use hawser_e2e::probe::ports;
use serde::Serialize;

use crate::worlds::Worlds;

/// How one check went.
#[derive(Debug, Serialize)]
pub struct Gate {
    /// What has to hold.
    pub name: &'static str,
    /// Why it doesn't.
    pub error: Option<String>,
}

/// Checks all gates in a world with Hawser.
pub fn check(worlds: &Worlds, full: bool) -> Vec<Gate> {
    eprintln!("checking the correctness gates");
    let world = match worlds.plain() {
        Ok(pair) => &pair.hawser,
        Err(error) => return vec![Gate { name: "a world starts", error: Some(format!("{error:#}")) }],
    };
    let bytes: u64 = if full { 5_000_000_000 } else { 500_000_000 };
    let checked = if full { "10 GB arrive unchanged" } else { "1 GB arrives unchanged" };
    let gate = |name, check: Result<()>| Gate { name, error: check.err().map(|error| format!("{error:#}")) };
    vec![
        gate("a closed port refuses", both(world, |ip| format!("refused {ip}:{}", ports::CLOSED))),
        gate("half-closed echo", both(world, |ip| format!("half-close {ip}:{}", ports::ECHO))),
        gate("the server's reset", both(world, |ip| format!("reset-in {ip}:{}", ports::RESET))),
        gate("the client's reset", both(world, |ip| format!("reset-out {ip}:{}", ports::WITNESS))),
        gate(
            "UDP of 0 to 65,507 bytes",
            both(world, |ip| format!("udp-sizes {ip}:{} 0 1 1200 1473 8000 32768 65507", ports::UDP_ECHO)),
        ),
        gate("a closed UDP port refuses", both(world, |ip| format!("udp-refused {ip}:{}", ports::CLOSED))),
        gate(checked, checksum(world, bytes)),
    ]
}

fn both(world: &World, arguments: impl Fn(&str) -> String) -> Result<()> {
    world.probe(&arguments(&world.ip.to_string()))?;
    world.probe(&arguments(&format!("[{}]", world.ip6)))?;
    Ok(())
}

fn checksum(world: &World, bytes: u64) -> Result<()> {
    let target = format!("{}:{}", world.ip, ports::CHECKSUM);
    let report = world.probe_within(&format!("checksum {target} {bytes} {bytes}"), Duration::from_secs(300))?;
    ensure!(report["bytes"] == 2 * bytes, "{report}");
    Ok(())
}
