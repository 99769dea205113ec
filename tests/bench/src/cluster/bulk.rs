//! One stream of bytes through the API server.

use anyhow::Result;
use hawser_e2e::probe::ports::FLOOD;

use super::rig::{Delay, Rig, Way};
use crate::figure::{Figure, Goal, median, number};

/// What the leading peer was measured to move on this rig, in Mbit/s: up, down; without delay and at 20 ms.
const PEER: [f64; 2] = [420.0, 450.0];
const PEER_FAR: [f64; 2] = [360.0, 360.0];

pub fn near(rig: &Rig) -> Result<Vec<Figure>> {
    both_directions(rig, "bulk", "", PEER)
}

pub fn far(rig: &Rig) -> Result<Vec<Figure>> {
    let _delay = Delay::far();
    both_directions(rig, "bulk-20", " at 20 ms", PEER_FAR)
}

fn both_directions(rig: &Rig, row: &'static str, at: &str, peer: [f64; 2]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (direction, peer) in ["up", "down"].into_iter().zip(peer) {
        let rate = |way| flood(rig, way, direction);
        let (mut own, mut ratios) = (Vec::new(), Vec::new());
        let mut bare = Vec::new();
        for _ in 0..rig.blocks {
            let before = rate(Way::Bare)?;
            own.push(rate(Way::Hawser)?);
            let beside = (before + rate(Way::Bare)?) / 2.0;
            ratios.push(own[own.len() - 1] / beside);
            bare.push(beside);
        }
        let behind = format!(
            "{} of {} Mbit/s; kubectl {}; on the node {}",
            number(median(&own)),
            number(median(&bare)),
            number(rate(Way::Kubectl)?),
            number(rate(Way::Node)?),
        );
        let what = format!("one stream {direction}{at}, ratio to a bare upgrade");
        figures.push(Figure::ratio(row, what, ratios, Goal::AtLeast(0.8, 0.95), behind));
        let times = own.iter().map(|own| own / peer).collect();
        let what = format!("  times the peer's {} Mbit/s", number(peer));
        figures.push(Figure::absolute(row, what, times, Goal::AtLeast(2.0, 2.0), String::new()));
    }
    Ok(figures)
}

/// Mbit/s.
pub fn flood(rig: &Rig, way: Way, direction: &str) -> Result<f64> {
    rig.probe(way, "flood", FLOOD, direction, "mbit_s")
}
