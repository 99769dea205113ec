//! What helper and manager need when nothing happens.

use anyhow::{Context, Result};

use crate::figure::{Figure, Goal};
use crate::worlds::Worlds;

const SPAN: f64 = 10.0;

pub fn base(worlds: &Worlds) -> Result<Vec<Figure>> {
    let world = worlds.world(false, &[])?;
    // Whatever connecting and the first checks left to do is done by then.
    world.read("sleep 2")?;
    let before = world.probe("usage")?;
    world.read(&format!("sleep {SPAN}"))?;
    let after = world.probe("usage")?;
    let value = |process: &str, key: &str| {
        after[process][key].as_f64().with_context(|| format!("no {key} of the {process} in {after}"))
    };
    let running = value("helper", "running_s")? - before["helper"]["running_s"].as_f64().unwrap_or(0.0);
    let wakeups = value("helper", "switches")? - before["helper"]["switches"].as_f64().unwrap_or(0.0);
    let helper = vec![value("helper", "resident_mb")?];
    let manager = vec![value("manager", "resident_mb")?];
    let behind = || "resident, connected, no flow yet".to_owned();
    let percent = vec![running / SPAN * 100.0];
    let woken = format!("{:.1} wake-ups/s", wakeups / SPAN);
    Ok(vec![
        Figure::absolute("rest", "helper, MB", helper, Goal::AtMost(25.0, 15.0), behind()),
        Figure::absolute("rest", "manager, MB", manager, Goal::AtMost(20.0, 12.0), behind()),
        Figure::absolute("rest", "helper at rest, CPU %", percent, Goal::AtMost(0.1, 0.1), woken),
    ])
}
