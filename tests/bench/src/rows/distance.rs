//! Bulk TCP over a link with a round trip time.

use anyhow::{Context, Result};

use crate::figure::{Figure, Goal};
use crate::worlds::{Worlds, iperf3};

pub fn bulk(worlds: &Worlds) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for delay in ["20", "80"] {
        let pair = worlds.pair(&["--delay", delay])?;
        for (direction, reverse) in [("up", ""), ("down", "-R")] {
            // Slow start is not what is compared: the first two seconds don't count.
            let blocks = pair.blocks(worlds.blocks.min(2), |world| {
                let report = iperf3(world, &format!("-t 3 -O 2 {reverse}"))?;
                let rate = &report["end"]["sum_received"]["bits_per_second"];
                Ok(rate.as_f64().context("iperf3 tells no rate")? / 1e6)
            })?;
            let what = format!("one stream {direction} at {delay} ms, ratio");
            let goal = Goal::AtLeast(0.9, 0.98);
            figures.push(Figure::ratio("distance", what, blocks.ratios(), goal, blocks.behind("Mbit/s")));
        }
    }
    Ok(figures)
}
