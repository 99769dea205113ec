//! What one byte to and fro takes.

use anyhow::Result;
use hawser_e2e::probe::ports::ECHO;

use super::rig::{Delay, Rig, Way};
use crate::figure::{Figure, Goal, median, number};

pub fn near(rig: &Rig) -> Result<Vec<Figure>> {
    measure(rig, "latency", "", 2000)
}

pub fn far(rig: &Rig) -> Result<Vec<Figure>> {
    let _delay = Delay::far();
    measure(rig, "latency-20", " at 20 ms", 200)
}

fn measure(rig: &Rig, row: &'static str, at: &str, count: usize) -> Result<Vec<Figure>> {
    let p50 = |way| rig.probe(way, "ping-pong", ECHO, &format!("--count {count}"), "p50_us");
    let (mut own, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rig.blocks.max(3) {
        let before = p50(Way::Bare)?;
        own.push(p50(Way::Hawser)?);
        bare.push((before + p50(Way::Bare)?) / 2.0);
    }
    let added = own.iter().zip(&bare).map(|(own, bare)| own - bare).collect();
    let behind = format!(
        "{} of {} us; kubectl {}; on the node {}",
        number(median(&own)),
        number(median(&bare)),
        number(p50(Way::Kubectl)?),
        number(p50(Way::Node)?)
    );
    let what = format!("added to a bare upgrade's p50{at}, us");
    Ok(vec![Figure::absolute(row, what, added, Goal::AtMost(200.0, 100.0), behind)])
}
