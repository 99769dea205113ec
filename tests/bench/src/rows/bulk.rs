//! Bulk TCP by iperf3.

use std::cell::RefCell;

use anyhow::{Context, Result};
use hawser_e2e::World;
use serde_json::Value;

use crate::figure::{Figure, Goal, median, number};
use crate::worlds::{Pair, Worlds, iperf3};

const THROUGHPUT: Goal = Goal::AtLeast(0.35, 0.45);
const FAIRNESS: Goal = Goal::AtLeast(0.7, 0.9);

pub fn one(worlds: &Worlds) -> Result<Vec<Figure>> {
    let pair = worlds.plain()?;
    let costs = RefCell::new((Vec::new(), Vec::new()));
    let mut figures = Vec::new();
    for (direction, reverse) in [("up", ""), ("down", "-R")] {
        let blocks = pair.blocks(worlds.blocks, |world| {
            let before = usage(pair, world)?;
            let run = Run::new(world, &format!("-t 3 {reverse}"))?;
            if let (Some(before), Some(after)) = (before, usage(pair, world)?) {
                let gigabytes = run.bytes / 1e9;
                costs.borrow_mut().0.push((after.0 - before.0) / gigabytes);
                costs.borrow_mut().1.push((after.1 - before.1) / gigabytes);
            }
            Ok(run.rate)
        })?;
        let what = format!("one stream {direction}, ratio");
        figures.push(Figure::ratio("bulk-1", what, blocks.ratios(), THROUGHPUT, blocks.behind("Mbit/s")));
    }
    let (helper, manager) = costs.into_inner();
    let behind = "both directions".to_owned();
    figures.push(Figure::absolute("bulk-1", "helper, CPU s/GB", helper, Goal::AtMost(1.2, 0.8), behind.clone()));
    figures.push(Figure::absolute("bulk-1", "manager, CPU s/GB", manager, Goal::AtMost(1.3, 1.0), behind));
    Ok(figures)
}

pub fn eight(worlds: &Worlds) -> Result<Vec<Figure>> {
    many(worlds, "bulk-8", 8)
}

pub fn sixty_four(worlds: &Worlds) -> Result<Vec<Figure>> {
    many(worlds, "bulk-64", 64)
}

fn many(worlds: &Worlds, row: &'static str, streams: usize) -> Result<Vec<Figure>> {
    let pair = worlds.plain()?;
    let mut figures = Vec::new();
    for (direction, reverse) in [("up", ""), ("down", "-R")] {
        let fairness = RefCell::new((Vec::new(), Vec::new()));
        let blocks = pair.blocks(worlds.blocks, |world| {
            let run = Run::new(world, &format!("-t 2 -P {streams} {reverse}"))?;
            let mut fairness = fairness.borrow_mut();
            let shares = if is_hawser(pair, world) { &mut fairness.0 } else { &mut fairness.1 };
            shares.push(run.slowest / (run.rate / streams as f64));
            Ok(run.rate)
        })?;
        let (own, direct) = fairness.into_inner();
        let what = format!("{streams} streams {direction}, ratio");
        figures.push(Figure::ratio(row, what, blocks.ratios(), THROUGHPUT, blocks.behind("Mbit/s")));
        let behind = format!("direct: {}", number(median(&direct)));
        figures.push(Figure::absolute(row, format!("  slowest over mean {direction}"), own, FAIRNESS, behind));
    }
    Ok(figures)
}

/// What the receiver of one iperf3 run saw.
struct Run {
    /// Mbit/s in all.
    rate: f64,
    /// Mbit/s of the slowest stream.
    slowest: f64,
    bytes: f64,
}

impl Run {
    fn new(world: &World, arguments: &str) -> Result<Run> {
        let report = iperf3(world, arguments)?;
        let end = &report["end"];
        let total = &end["sum_received"];
        let streams = end["streams"].as_array().context("iperf3 lists no streams")?;
        let rates = streams.iter().filter_map(|stream| stream["receiver"]["bits_per_second"].as_f64());
        Ok(Run {
            rate: value(total, "bits_per_second")? / 1e6,
            slowest: rates.fold(f64::INFINITY, f64::min) / 1e6,
            bytes: value(total, "bytes")?,
        })
    }
}

/// Processor seconds of helper and manager so far.
fn usage(pair: &Pair, world: &World) -> Result<Option<(f64, f64)>> {
    if !is_hawser(pair, world) {
        return Ok(None);
    }
    let usage = world.probe("usage")?;
    Ok(Some((value(&usage["helper"], "cpu_s")?, value(&usage["manager"], "cpu_s")?)))
}

fn is_hawser(pair: &Pair, world: &World) -> bool {
    std::ptr::eq(world, &pair.hawser)
}

fn value(report: &Value, key: &str) -> Result<f64> {
    report[key].as_f64().with_context(|| format!("no {key} in {report}"))
}
