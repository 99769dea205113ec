//! Measures Hawser on a Kubernetes of one machine (`tests/cluster`), beside a bare port-forward, `kubectl port-forward`, and a
//! client on the node.

pub mod bare;
mod bulk;
mod direct;
mod intercepts;
mod latency;
mod manager;
mod recovery;
mod requests;
mod rig;
pub mod scale;
pub mod sessions;
mod start;
mod volumes;

use anyhow::{Result, bail};

use crate::figure::Figure;
use rig::Rig;

/// Something to measure.
pub struct Row {
    /// What the command line calls it.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    measure: fn(&Rig) -> Result<Vec<Figure>>,
}

/// All rows in the order of the table.
pub const ROWS: &[Row] = &[
    Row { name: "start", about: "from the command to the first request", measure: start::near },
    Row { name: "start-20", about: "from the command to the first request, at 20 ms", measure: start::far },
    Row { name: "bulk", about: "one TCP stream, without delay", measure: bulk::near },
    Row { name: "bulk-20", about: "one TCP stream, at 20 ms", measure: bulk::far },
    Row { name: "latency", about: "one byte to and fro, without delay", measure: latency::near },
    Row { name: "latency-20", about: "one byte to and fro, at 20 ms", measure: latency::far },
    Row { name: "keep-alive", about: "HTTP with wrk over 64 connections", measure: requests::keep_alive },
    Row { name: "connections", about: "new connections, three runs in a row", measure: requests::connections },
    Row { name: "recovery", about: "a manager killed, of two and of one", measure: recovery::killed },
    Row { name: "sessions", about: "memory of a manager with twenty sessions", measure: sessions::memory },
    Row { name: "agent", about: "through an agent that has nothing to do", measure: intercepts::passing },
    Row { name: "intercept", about: "requests that a laptop may want", measure: intercepts::requests },
    Row { name: "attach", about: "from the command to the first request at the handler", measure: intercepts::attach },
    Row { name: "files", about: "a pod's files on the laptop", measure: volumes::files },
    Row { name: "direct", about: "past the API server", measure: direct::bulk },
    // What is left of ten thousand pods keeps the API server busy for minutes.
    Row { name: "scale", about: "200 namespaces and 10,000 pods", measure: scale::many },
];

/// Measures these rows, or all.
///
/// # Errors
/// Fails if there is no such row or no rig.
pub fn measure(rows: &[String], blocks: usize) -> Result<Vec<Figure>> {
    if let Some(unknown) = rows.iter().find(|name| ROWS.iter().all(|row| row.name != **name)) {
        bail!("there is no row {unknown:?}");
    }
    let rig = Rig::new(blocks)?;
    let mut figures = Vec::new();
    for row in ROWS.iter().filter(|row| rows.is_empty() || rows.iter().any(|name| name == row.name)) {
        eprintln!("measuring {}: {}", row.name, row.about);
        match (row.measure)(&rig) {
            Ok(measured) => {
                measured.iter().for_each(|figure| eprintln!("    {figure}"));
                figures.extend(measured);
            }
            Err(error) => {
                eprintln!("    {error:#}");
                figures.push(Figure::failed(row.name, row.about));
            }
        }
    }
    Ok(figures)
}
