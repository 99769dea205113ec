//! How long nothing works after a manager was killed.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use hawser_cluster::kubectl;
use hawser_e2e::probe::ports::ECHO;

use super::rig::{Rig, Way};
use crate::figure::{Figure, Goal};

pub fn killed(rig: &Rig) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (replicas, goal) in [(2, Goal::AtMost(1.0, 0.3)), (1, Goal::AtMost(3.0, 1.0))] {
        kubectl(&format!("scale -n hawser deploy/hawser-manager --replicas={replicas}"));
        kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(after_kill(rig, replicas)?);
        }
        let what = format!("one of {replicas} killed, s");
        let behind = if replicas == 1 { "from when it is available again" } else { "from the kill" };
        figures.push(Figure::absolute("recovery", what, times, goal, behind.to_owned()));
    }
    kubectl("scale -n hawser deploy/hawser-manager --replicas=2");
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    Ok(figures)
}

fn after_kill(rig: &Rig, replicas: u32) -> Result<f64> {
    let way = rig.laptop.status()["way"].as_str().context("the way is not shown")?.to_owned();
    let pod = way.split_whitespace().find_map(|word| word.strip_prefix("hawser/")).context("no pod in the way")?;
    kubectl(&format!("delete pod -n hawser {pod} --grace-period=0 --force"));
    if replicas == 1 {
        kubectl("wait -n hawser --for=condition=Available deploy/hawser-manager --timeout=60s");
    }
    let milliseconds = rig.probe(Way::Hawser, "recover", ECHO, "", "ms")?;
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    // What has just started may not have written itself into the session yet.
    sleep(Duration::from_secs(1));
    Ok(milliseconds / 1e3)
}
