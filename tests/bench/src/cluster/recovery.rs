//! How long nothing works after a manager was killed.

use anyhow::{Context, Result};
use hawser_cluster::{kubectl, longest_gap, within};

use super::manager;
use super::rig::{Rig, WEB};
use crate::figure::{Figure, Goal};

pub fn killed(rig: &Rig) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (replicas, goal) in [(2, Goal::AtMost(1.0, 0.3)), (1, Goal::AtMost(3.0, 1.0))] {
        kubectl(&format!("scale -n hawser deploy/hawser-manager --replicas={replicas}"));
        // A container that has ended before is started late: that would be the kubelet's back-off.
        kubectl("rollout restart -n hawser deploy/hawser-manager");
        kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
        within(30, "the laptop is connected", || rig.laptop.state() == "connected");
        let times = vec![without_answer(rig)?];
        let what = format!("one of {replicas} killed, s");
        let behind = if replicas == 1 { "the container's start included" } else { "without an answer" };
        figures.push(Figure::absolute("recovery", what, times, goal, behind.to_owned()));
    }
    kubectl("scale -n hawser deploy/hawser-manager --replicas=2");
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    Ok(figures)
}

/// Seconds without an answer around the death of the manager in use.
fn without_answer(rig: &Rig) -> Result<f64> {
    let way = rig.laptop.status()["way"].as_str().context("the way is not shown")?.to_owned();
    let pod = way.split_whitespace().find_map(|word| word.strip_prefix("hawser/")).context("no pod in the way")?;
    let mut killed = Ok(());
    let gap = longest_gap(&format!("http://{}:{WEB}/", rig.pod), 8, || {
        killed = manager::kill(pod);
        kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    });
    killed.map(|()| gap as f64 / 1e3)
}
