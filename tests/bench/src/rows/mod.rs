//! One file for each kind of row; a row is measured on its own.

mod bulk;
mod connections;
mod distance;
mod latency;
mod names;
mod recovery;
mod requests;
mod rest;

use anyhow::Result;

use crate::figure::Figure;
use crate::worlds::Worlds;

/// Something to measure.
pub struct Row {
    /// What the command line calls it.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Measures it.
    pub measure: fn(&Worlds) -> Result<Vec<Figure>>,
}

/// All rows in the order of the table.
pub const ROWS: &[Row] = &[
    Row { name: "bulk-1", about: "one TCP stream, and what it costs", measure: bulk::one },
    Row { name: "bulk-8", about: "eight TCP streams", measure: bulk::eight },
    Row { name: "bulk-64", about: "sixty-four TCP streams", measure: bulk::sixty_four },
    Row { name: "latency", about: "one byte to and fro", measure: latency::added },
    Row { name: "loaded", about: "small requests beside eight bulk streams", measure: latency::loaded },
    Row { name: "connections", about: "connect, one request, close, with ab -c 64", measure: requests::connections },
    Row { name: "storm", about: "many connects at once", measure: connections::storm },
    Row { name: "idle", about: "ten thousand flows at rest", measure: connections::idle },
    Row { name: "keep-alive", about: "HTTP with wrk over 64 connections", measure: requests::keep_alive },
    Row { name: "udp", about: "datagrams of 1,200 bytes", measure: requests::datagrams },
    Row { name: "dns", about: "cached names", measure: names::cached },
    Row { name: "distance", about: "bulk at 20 and 80 ms", measure: distance::bulk },
    Row { name: "refused", about: "a connect to a closed port", measure: latency::refused },
    Row { name: "connect", about: "from the command to the first request", measure: recovery::connect },
    Row { name: "recovery", about: "after a killed manager, and a link that was silent", measure: recovery::recovery },
    Row { name: "rest", about: "memory and processor time with no flow", measure: rest::base },
];
