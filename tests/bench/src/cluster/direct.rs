//! Past the API server, by the node port of a manager.

use anyhow::{Result, ensure};
use hawser_cluster::{on_node, within};

use super::bulk::flood;
use super::rig::{Rig, Way};
use crate::figure::{Figure, Goal, number};

/// What the leading peer was measured to move through the port-forward on this rig, in Mbit/s: up, down.
const PEER: [f64; 2] = [420.0, 450.0];

pub fn bulk(rig: &Rig) -> Result<Vec<Figure>> {
    let _exposed = Exposed::new()?;
    within(30, "the laptop takes the direct path", || {
        rig.laptop.status()["way"].as_str().is_some_and(|way| way.starts_with("direct"))
    });
    let mut figures = Vec::new();
    for (direction, peer) in ["up", "down"].into_iter().zip(PEER) {
        let own: Vec<f64> = (0..rig.blocks).map(|_| flood(rig, Way::Hawser, direction)).collect::<Result<_>>()?;
        let node = flood(rig, Way::Node, direction)?;
        let behind = format!("{} Mbit/s; on the node {}", number(crate::figure::median(&own)), number(node));
        let times = own.iter().map(|own| own / peer).collect();
        let what = format!("one stream {direction}, times the peer's {} Mbit/s", number(peer));
        figures.push(Figure::absolute("direct", what, times, Goal::AtLeast(10.0, 14.0), behind));
    }
    Ok(figures)
}

/// The manager's node port, told to laptops and let through to them.
pub struct Exposed;

impl Exposed {
    fn new() -> Result<Self> {
        on_node("iptables -I FORWARD -i wire -p tcp --dport 7300 -j ACCEPT");
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart");
        let said = on_node(&format!(
            "helm upgrade hawser {chart} -n hawser --reuse-values --set direct.nodePort=true --wait --timeout 60s"
        ));
        ensure!(said.code == 0, "{said:?}");
        Ok(Self)
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        on_node("iptables -D FORWARD -i wire -p tcp --dport 7300 -j ACCEPT");
        on_node("helm rollback hawser -n hawser --wait --timeout 60s");
    }
}
