//! Bulk TCP over a link with a round trip time.
//!
//! The link carries 1 Gbit/s. Without a limit the two shared cores would be compared, as at 0 ms, and not windows; that
//! is measured too, and only told.

use anyhow::{Context, Result};

use crate::figure::{Figure, Goal};
use crate::worlds::{Worlds, iperf3};

pub fn bulk(worlds: &Worlds) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (delay, link) in [("20", "1 Gbit/s"), ("80", "1 Gbit/s"), ("20", "no limit")] {
        let limited = link != "no limit";
        let arguments = ["--delay", delay, "--rate", "1000"];
        let pair = worlds.pair(if limited { &arguments } else { &arguments[..2] })?;
        for (direction, reverse) in [("up", ""), ("down", "-R")] {
            // Slow start is not what is compared: the first two seconds don't count.
            let blocks = pair.blocks(worlds.blocks.min(2), |world| {
                let report = iperf3(world, &format!("-t 3 -O 2 {reverse}"))?;
                let rate = &report["end"]["sum_received"]["bits_per_second"];
                Ok(rate.as_f64().context("iperf3 tells no rate")? / 1e6)
            })?;
            let what = format!("one stream {direction} at {delay} ms, {link}, ratio");
            let make = if limited { Figure::ratio } else { Figure::absolute };
            figures.push(make("distance", what, blocks.ratios(), Goal::AtLeast(0.9, 0.98), blocks.behind("Mbit/s")));
        }
    }
    Ok(figures)
}
