//! How soon everything works.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hawser_cluster::on_laptop;

use super::rig::{Delay, Rig};
use crate::figure::{Figure, Goal};

pub fn near(rig: &Rig) -> Result<Vec<Figure>> {
    measure(rig, "start", "", Goal::AtMost(2.0, 0.7))
}

pub fn far(rig: &Rig) -> Result<Vec<Figure>> {
    let _delay = Delay::far();
    measure(rig, "start-20", " at 20 ms", Goal::AtMost(2.0, 1.0))
}

fn measure(rig: &Rig, row: &'static str, at: &str, goal: Goal) -> Result<Vec<Figure>> {
    let behind = "connect, getent, curl; the peer without delay: 4.2 s".to_owned();
    Ok(vec![Figure::absolute(row, format!("to the first request{at}, s"), times(rig)?, goal, behind)])
}

/// Seconds from the command to the first request, several times.
pub fn times(rig: &Rig) -> Result<Vec<f64>> {
    let hawser = std::env::var("HAWSER_BIN").context("HAWSER_BIN names the program")?;
    let mut times = Vec::new();
    for _ in 0..rig.blocks.max(3) {
        rig.laptop.hawser("disconnect");
        let began = Instant::now();
        let said = on_laptop(&format!(
            "{hawser} connect && getent ahostsv4 bench && curl -sS --fail --max-time 5 --output /dev/null http://bench/"
        ));
        ensure!(said.code == 0, "{said:?}");
        times.push(began.elapsed().as_secs_f64());
    }
    Ok(times)
}
