//! How soon everything works.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hawser_cluster::on_laptop;

use super::rig::Rig;
use crate::figure::{Figure, Goal};

pub fn connect(rig: &Rig) -> Result<Vec<Figure>> {
    let hawser = std::env::var("HAWSER_BIN").context("HAWSER_BIN names the program")?;
    let mut times = Vec::new();
    for _ in 0..rig.blocks.max(3) {
        ensure!(rig.laptop.hawser("disconnect").code == 0, "disconnecting fails");
        let began = Instant::now();
        let said = on_laptop(&format!(
            "{hawser} connect && getent ahostsv4 bench && curl -sS --fail --max-time 5 --output /dev/null http://bench/"
        ));
        ensure!(said.code == 0, "{said:?}");
        times.push(began.elapsed().as_secs_f64());
    }
    let behind = "connect, getent, curl; the peer: 4.2 s".to_owned();
    Ok(vec![Figure::absolute("start", "to the first request, s", times, Goal::AtMost(2.0, 0.7), behind)])
}
