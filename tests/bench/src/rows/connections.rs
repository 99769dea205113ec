//! Thousands of connections.

use anyhow::{Context, Result};
use hawser_e2e::probe::ports;
use std::time::Duration;

use crate::figure::{Figure, Goal, number};
use crate::worlds::{Worlds, probe};

pub fn storm(worlds: &Worlds) -> Result<Vec<Figure>> {
    let pair = worlds.plain()?;
    let mut figures = Vec::new();
    for count in [1_000, 10_000] {
        let arguments = format!("storm {}:{} {count}", pair.hawser.ip, ports::ECHO);
        let report = pair.hawser.probe_within(&arguments, Duration::from_secs(60))?;
        let open = report["open"].as_f64().context("no count of open connections")?;
        let seconds = report["seconds"].as_f64().unwrap_or(f64::NAN);
        let direct = probe(&pair.direct, &arguments, "seconds")?;
        let behind = format!("{} s, direct {} s {}", number(seconds), number(direct), report["failed"]);
        figures.push(Figure::errors("storm", format!("{count} at once, failures"), f64::from(count) - open, behind));
    }
    Ok(figures)
}

/// In a fresh world: memory that earlier rows left to the allocator would hide what idle flows need.
pub fn idle(worlds: &Worlds) -> Result<Vec<Figure>> {
    let world = worlds.world(false, &[])?;
    let report = world.probe_within(&format!("idle {}:{} 10000", world.ip, ports::ECHO), Duration::from_secs(90))?;
    let value = |key: &str| report[key].as_f64().with_context(|| format!("no {key} in {report}"));
    let memory = value("above_base_mb")?;
    let behind = format!("base {} MB", number(value("base_mb")?));
    let processor = format!("CPU {} %", number(value("cpu_percent")?));
    Ok(vec![
        Figure::absolute("idle", "helper above base, MB", vec![memory], Goal::AtMost(60.0, 20.0), behind),
        Figure::absolute("idle", "wake-ups/s", vec![value("wakeups_s")?], Goal::AtMost(20.0, 5.0), processor),
    ])
}
