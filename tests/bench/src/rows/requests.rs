//! Requests a second: new connections, kept ones, datagrams.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result};
use hawser_e2e::probe::ports;
use hawser_e2e::{World, servers};

use crate::figure::{Figure, Goal};
use crate::worlds::{Worlds, probe};

/// Three runs of ab in a row: the second and third meet what the first left behind.
pub fn connections(worlds: &Worlds) -> Result<Vec<Figure>> {
    let errors = Cell::new(0.0);
    let blocks = worlds.plain()?.blocks(worlds.blocks, |world| {
        let mut rates = Vec::new();
        for _ in 0..3 {
            let command = format!("ab -q -s 20 -c 64 -n 8000 http://{}:{}/", world.ip, servers::NGINX_PORT);
            let output = run(world, &command)?;
            errors.set(errors.get() + after(&output, "Failed requests:")?);
            rates.push(after(&output, "Requests per second:")?);
        }
        Ok(rates.iter().sum::<f64>() / rates.len() as f64)
    })?;
    let behind = blocks.behind("/s");
    Ok(vec![
        Figure::ratio("connections", "new connections, ratio", blocks.ratios(), Goal::AtLeast(0.3, 0.5), behind),
        Figure::errors("connections", "  errors", errors.get(), "ab -c 64, three runs in a row".to_owned()),
    ])
}

pub fn keep_alive(worlds: &Worlds) -> Result<Vec<Figure>> {
    let blocks = worlds.plain()?.blocks(worlds.blocks, |world| {
        let url = format!("http://{}:{}/", world.ip, servers::NGINX_PORT);
        after(&run(world, &format!("wrk -t 1 -c 64 -d 3 {url}"))?, "Requests/sec:")
    })?;
    let behind = blocks.behind("/s");
    Ok(vec![Figure::ratio("keep-alive", "requests, ratio", blocks.ratios(), Goal::AtLeast(0.2, 0.35), behind)])
}

pub fn datagrams(worlds: &Worlds) -> Result<Vec<Figure>> {
    let blocks = worlds.plain()?.blocks(worlds.blocks, |world| {
        probe(world, &format!("udp-rate {}:{}", world.ip, ports::UDP_COUNT), "per_second")
    })?;
    let behind = blocks.behind("/s");
    let what = "rate with loss below 0.1 %, ratio";
    Ok(vec![Figure::ratio("udp", what, blocks.ratios(), Goal::AtLeast(0.3, 0.6), behind)])
}

fn run(world: &World, command: &str) -> Result<String> {
    Ok(world.spawn(command, Duration::from_secs(60))?.wait()?.ok().with_context(|| command.to_owned())?.stdout)
}

/// The number after a label.
fn after(output: &str, label: &str) -> Result<f64> {
    let (_, rest) = output.split_once(label).with_context(|| format!("no {label:?} in {output}"))?;
    let number = rest.split_whitespace().next().unwrap_or_default();
    number.parse().with_context(|| format!("{label} {number:?}"))
}
