//! How soon everything works.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hawser_cluster::on_laptop;

use super::rig::Rig;
use crate::figure::{Figure, Goal};

pub fn connect(rig: &Rig) -> Result<Vec<Figure>> {
    let behind = "connect, getent, curl; the peer: 4.2 s".to_owned();
    Ok(vec![Figure::absolute("start", "to the first request, s", times(rig)?, Goal::AtMost(2.0, 0.7), behind)])
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
