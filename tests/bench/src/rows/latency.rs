//! How long small things take.

use anyhow::Result;
use hawser_e2e::World;
use hawser_e2e::probe::ports;
use std::time::Duration;

use crate::figure::{Figure, Goal, median, number};
use crate::worlds::{Worlds, probe};

pub fn added(worlds: &Worlds) -> Result<Vec<Figure>> {
    let blocks = worlds.plain()?.blocks(worlds.blocks.max(3), |world| {
        probe(world, &format!("ping-pong {}:{} --count 4000", world.ip, ports::ECHO), "p50_us")
    })?;
    let goal = Goal::AtMost(80.0, 40.0);
    Ok(vec![Figure::absolute("latency", "added to p50, us", blocks.differences(), goal, blocks.behind("us"))])
}

pub fn refused(worlds: &Worlds) -> Result<Vec<Figure>> {
    let blocks = worlds.plain()?.blocks(worlds.blocks.max(3), |world| {
        let arguments = format!("refused {}:{} --count 300", world.ip, ports::CLOSED);
        Ok(probe(world, &arguments, "p50_us")? / 1e3)
    })?;
    let goal = Goal::AtMost(2.0, 0.3);
    Ok(vec![Figure::absolute("refused", "added to p50, ms", blocks.differences(), goal, blocks.behind("ms"))])
}

/// How much worse the slowest percent gets, in each world by itself.
pub fn loaded(worlds: &Worlds) -> Result<Vec<Figure>> {
    let pair = worlds.plain()?;
    let mut figures = Vec::new();
    for (direction, reverse) in [("uploads", ""), ("downloads", "-R")] {
        let (mut growth, mut direct, mut idle) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..worlds.blocks {
            let resting = slowest_percent(&pair.hawser)?;
            growth.push(beside_bulk(&pair.hawser, reverse)? / resting);
            idle.push(resting);
            direct.push(beside_bulk(&pair.direct, reverse)? / slowest_percent(&pair.direct)?);
        }
        let behind = format!("p99 idle {} us; direct: {}", number(median(&idle)), number(median(&direct)));
        let what = format!("p99 beside 8 {direction} / p99 idle");
        figures.push(Figure::absolute("loaded", what, growth, Goal::AtMost(2.0, 1.3), behind));
    }
    Ok(figures)
}

fn beside_bulk(world: &World, reverse: &str) -> Result<f64> {
    let bulk = format!("exec iperf3 -c {} -p 5202 -P 8 -t 30 {reverse}", world.ip);
    let bulk = world.spawn(&bulk, Duration::from_secs(40))?;
    // Bulk streams reach their speed within this time.
    world.read("sleep 0.5")?;
    let measured = slowest_percent(world);
    bulk.kill()?;
    measured
}

fn slowest_percent(world: &World) -> Result<f64> {
    let target = format!("{}:{}", world.ip, ports::ECHO);
    probe(world, &format!("ping-pong {target} --size 200 --count 1000 --pause 1000"), "p99_us")
}
