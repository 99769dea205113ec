//! Small things: requests on kept connections, new connections.

use anyhow::{Context, Result};
use hawser_e2e::probe::ports::CLOSE;

use super::rig::{Rig, WEB, Way, after, said};
use crate::figure::{Figure, Goal, median, number};

/// Requests of one run of ab.
const REQUESTS: usize = 4000;

pub fn keep_alive(rig: &Rig) -> Result<Vec<Figure>> {
    let rate = |way| -> Result<f64> {
        let command = format!("wrk -t 1 -c 64 -d 3 http://{}/", rig.target(way, WEB)?);
        after(&output(rig, way, &command)?, "Requests/sec:")
    };
    let (mut own, mut node) = (Vec::new(), Vec::new());
    for _ in 0..rig.blocks {
        let before = rate(Way::Node)?;
        own.push(rate(Way::Hawser)?);
        node.push((before + rate(Way::Node)?) / 2.0);
    }
    let ratios = own.iter().zip(&node).map(|(own, node)| own / node).collect();
    let kubectl = rate(Way::Kubectl)?;
    let behind = format!("{} of {}/s; kubectl {}", number(median(&own)), number(median(&node)), number(kubectl));
    let what = "requests, ratio to the node";
    Ok(vec![Figure::ratio("keep-alive", what, ratios, Goal::AtLeast(0.25, 0.35), behind)])
}

/// Each of three runs in a row counts: the second and third meet what the first left behind.
pub fn connections(rig: &Rig) -> Result<Vec<Figure>> {
    let mut errors = 0.0;
    let mut run = |way, together: usize, requests: usize| -> Result<f64> {
        let target = rig.target(way, WEB)?;
        let output = output(rig, way, &format!("ab -q -s 20 -c {together} -n {requests} http://{target}/"))?;
        errors += after(&output, "Failed requests:")?;
        after(&output, "Requests per second:")
    };
    let mut figures = Vec::new();
    for (together, requests, what) in [(64, REQUESTS, "64 at once"), (1, REQUESTS / 8, "one at a time")] {
        let before = run(Way::Node, together, REQUESTS)?;
        let own: Vec<f64> = (0..3).map(|_| run(Way::Hawser, together, requests)).collect::<Result<_>>()?;
        let node = (before + run(Way::Node, together, REQUESTS)?) / 2.0;
        let slowest = own.iter().copied().fold(f64::INFINITY, f64::min);
        let behind =
            format!("{} of {}/s", own.iter().map(|rate| number(*rate)).collect::<Vec<_>>().join(", "), number(node));
        let what = format!("new connections, {what}, slowest run, ratio");
        let must = if together == 64 { Goal::AtLeast(0.2, 0.3) } else { Goal::AtLeast(0.05, 0.2) };
        figures.push(Figure::ratio("connections", what, vec![slowest / node], must, behind));
    }
    figures.push(Figure::errors("connections", "  errors", errors, "ab, three runs in a row".to_owned()));
    let closes = rig.probe(Way::Hawser, "recover", CLOSE, "", "ms").context("a connection that the server closes")?;
    figures.push(Figure::absolute(
        "connections",
        "  one connection, ms",
        vec![closes],
        Goal::AtMost(20.0, 5.0),
        String::new(),
    ));
    Ok(figures)
}

fn output(rig: &Rig, way: Way, command: &str) -> Result<String> {
    let output = rig.run(way, command);
    said(&output).with_context(|| command.to_owned())?;
    Ok(output.out)
}
