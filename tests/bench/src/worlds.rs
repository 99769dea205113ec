//! The two worlds that are compared, and how blocks go to and fro between them.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use hawser_e2e::{Options, World, servers};
use serde_json::Value;

use crate::figure::{median, number};

/// What serves in each cluster beside the probe.
const SERVERS: [&str; 3] = ["exec iperf3 -s", "exec iperf3 -s -p 5202", servers::NGINX];

/// Worlds that are started when the first row needs them.
pub struct Worlds {
    /// How many blocks each row measures.
    pub blocks: usize,
    probe: String,
    plain: OnceLock<Pair>,
}

/// The same world with Hawser and with plain routes.
pub struct Pair {
    /// With helper and manager.
    pub hawser: World,
    /// With plain routes.
    pub direct: World,
}

/// Results of blocks of direct, Hawser, direct.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// Hawser's number of each block.
    pub hawser: Vec<f64>,
    /// The mean of direct's two numbers of each block.
    pub direct: Vec<f64>,
}

impl Worlds {
    /// No world yet.
    pub fn new(blocks: usize) -> Result<Worlds> {
        let program = std::env::current_exe().context("finding the own program")?;
        Ok(Worlds { blocks, probe: format!("{} probe", program.display()), plain: OnceLock::new() })
    }

    /// The pair on a plain link.
    pub fn plain(&self) -> Result<&Pair> {
        if let Some(pair) = self.plain.get() {
            return Ok(pair);
        }
        let pair = self.pair(&[])?;
        Ok(self.plain.get_or_init(|| pair))
    }

    /// A pair of its own on a link with such arguments.
    pub fn pair(&self, link: &[&str]) -> Result<Pair> {
        Ok(Pair { hawser: self.world(false, link)?, direct: self.world(true, link)? })
    }

    /// A world of its own.
    pub fn world(&self, direct: bool, link: &[&str]) -> Result<World> {
        let world = World::start(&Options {
            probe: self.probe.clone(),
            direct,
            in_cluster: SERVERS.map(str::to_owned).to_vec(),
            link: link.iter().map(|word| (*word).to_owned()).collect(),
        })?;
        [5201, 5202, servers::NGINX_PORT].into_iter().try_for_each(|port| world.wait_for(port))?;
        Ok(world)
    }
}

impl Pair {
    /// Measures direct, Hawser and direct again, as often as there are blocks.
    pub fn blocks(&self, blocks: usize, measure: impl Fn(&World) -> Result<f64>) -> Result<Blocks> {
        let mut results = Blocks::default();
        for _ in 0..blocks {
            let before = measure(&self.direct).context("direct")?;
            results.hawser.push(measure(&self.hawser).context("through Hawser")?);
            let after = measure(&self.direct).context("direct")?;
            results.direct.push((before + after) / 2.0);
        }
        Ok(results)
    }
}

impl Blocks {
    /// Hawser's number over direct's, by block.
    pub fn ratios(&self) -> Vec<f64> {
        self.hawser.iter().zip(&self.direct).map(|(hawser, direct)| hawser / direct).collect()
    }

    /// Hawser's number less direct's, by block.
    pub fn differences(&self) -> Vec<f64> {
        self.hawser.iter().zip(&self.direct).map(|(hawser, direct)| hawser - direct).collect()
    }

    /// Both medians in words.
    pub fn behind(&self, unit: &str) -> String {
        format!("{} of {} {unit}", number(median(&self.hawser)), number(median(&self.direct)))
    }
}

/// A number of the probe's report.
pub fn probe(world: &World, arguments: &str, key: &str) -> Result<f64> {
    let report = world.probe_within(arguments, Duration::from_secs(90))?;
    report[key].as_f64().with_context(|| format!("no {key} in {report}"))
}

/// What iperf3 reports of a run.
pub fn iperf3(world: &World, arguments: &str) -> Result<Value> {
    let output = world.read(&format!("iperf3 -J -c {} {arguments}", world.ip))?;
    serde_json::from_str(&output).context("reading iperf3's report")
}
