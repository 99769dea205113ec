//! What an agent costs who is not intercepted, what interception costs who is, and how soon it begins.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hawser_cluster::{Handler, Plan, Said, Workload, kubectl, on_laptop, on_node, within};

use super::rig::{Rig, after};
use crate::figure::{Figure, Goal, median, number};

/// Filters of a crowded port.
const CROWD: usize = 100;

/// What wrk found.
struct Load {
    p50_us: f64,
    p99_us: f64,
    per_second: f64,
}

impl Load {
    fn words(&self) -> String {
        format!("p50 {} us, p99 {} us, {}/s", number(self.p50_us), number(self.p99_us), number(self.per_second))
    }
}

/// Through an agent that has nothing to do, beside a pod that has none.
pub fn passing(rig: &Rig) -> Result<Vec<Figure>> {
    let (plain, carried) = (Plan::new("plain").start(), Plan::new("carried").willing().start());
    let (mut added, mut ratios, mut behind) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..rig.blocks.max(3) {
        let (without, with) = (one_by_one(&plain)?, one_by_one(&carried)?);
        added.push(with.p50_us - without.p50_us);
        behind = format!("{}; without: {}", with.words(), without.words());
        let (without, with) = (load(&plain, 64)?, load(&carried, 64)?);
        ratios.push(with.per_second / without.per_second);
    }
    let memory = resident()?;
    Ok(vec![
        Figure::absolute("agent", "passing through adds to p50, us", added, Goal::AtMost(150.0, 80.0), behind),
        Figure::absolute(
            "agent",
            "  requests over 64 connections, ratio",
            ratios,
            Goal::AtLeast(0.2, 0.4),
            String::new(),
        ),
        Figure::absolute("agent", "  memory, MB", memory, Goal::AtMost(12.0, 8.0), "after the load".to_owned()),
    ])
}

/// An intercepted port, and one that has filters.
pub fn requests(rig: &Rig) -> Result<Vec<Figure>> {
    let shop = Plan::new("shop").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    let passing = one_by_one(&shop)?;
    let intercepted = during(rig, "--http-path-prefix /", &shop)?;
    let whole = during(rig, "", &shop)?;
    let one = during(rig, "--http-path-prefix /nothing", &shop)?;
    let crowded = crowded(&shop)?;
    rig.laptop.hawser("leave --all");
    let us = |load: &Load| vec![load.p50_us];
    let added = |load: &Load, to: &Load| vec![load.p50_us - to.p50_us];
    Ok(vec![
        Figure::absolute(
            "intercept",
            "p50 of an intercepted port, us",
            us(&whole),
            Goal::AtMost(5_000.0, 1_500.0),
            whole.words(),
        ),
        Figure::absolute(
            "intercept",
            "  of a filter that is met, us",
            us(&intercepted),
            Goal::AtMost(5_000.0, 1_500.0),
            intercepted.words(),
        ),
        Figure::absolute(
            "intercept",
            "  a filter that is not met adds, us",
            added(&one, &passing),
            Goal::AtMost(200.0, 100.0),
            format!("{}; without: {}", one.words(), passing.words()),
        ),
        Figure::absolute(
            "intercept",
            "  a hundred add to one, us",
            added(&crowded, &one),
            Goal::AtMost(100.0, 30.0),
            crowded.words(),
        ),
    ])
}

/// From the command to the first request that the handler answers.
pub fn attach(rig: &Rig) -> Result<Vec<Figure>> {
    let shop = Plan::new("shop").start();
    let _handler = Handler::nginx(9000, "laptop");
    let (mut with, mut without, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rig.blocks.max(3) {
        starts.push(restarted(&shop));
        let began = attached(&shop)?;
        without.push(began - starts.last().copied().unwrap_or_default());
        rig.laptop.ok("leave shop");
        with.push(attached(&shop)?);
        rig.laptop.ok("leave shop");
        shop.kubectl("rollout restart");
        shop.kubectl("rollout status --timeout=60s");
        within(30, "the former pod is gone", || shop.pods().len() == 1);
    }
    let behind = format!("a pod takes {} s to be replaced", number(median(&starts)));
    Ok(vec![
        Figure::absolute("attach", "where an agent is, s", with, Goal::AtMost(0.3, 0.2), "the peer: 0.17 s".to_owned()),
        Figure::absolute("attach", "without, beyond a pod's start, s", without, Goal::AtMost(0.5, 0.2), behind),
    ])
}

/// Seconds.
fn attached(shop: &Workload) -> Result<f64> {
    let hawser = std::env::var("HAWSER_BIN").context("HAWSER_BIN names the program")?;
    let began = Instant::now();
    let said = on_laptop(&format!("timeout 60 {hawser} intercept {} --port 9000:http", shop.name));
    ensure!(said.code == 0, "{said:?}");
    while !shop.ask("/").starts_with("laptop") {
        ensure!(began.elapsed().as_secs() < 60, "the laptop does not answer");
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds until the successor of a pod that is deleted answers.
fn restarted(shop: &Workload) -> f64 {
    let pods = shop.pods();
    let began = Instant::now();
    kubectl(&format!("delete pod -n default --wait=false {}", pods.join(" ")));
    within(60, "another pod answers", || {
        let ready = shop.pod_fields("{.metadata.name} {.status.conditions[?(@.type==\"Ready\")].status}");
        ready.iter().any(|pod| pod.ends_with("True") && !pods.iter().any(|old| pod.starts_with(old)))
    });
    within(10, "its service knows", || shop.ask("/").starts_with(&shop.name));
    began.elapsed().as_secs_f64()
}

/// One connection while this is intercepted.
fn during(rig: &Rig, filter: &str, shop: &Workload) -> Result<Load> {
    rig.laptop.ok(&format!("intercept {} --port 9000:http {filter}", shop.name));
    let load = one_by_one(shop);
    rig.laptop.ok(&format!("leave {}", shop.name));
    load
}

fn crowded(shop: &Workload) -> Result<Load> {
    let hawser = std::env::var("HAWSER_BIN").context("HAWSER_BIN names the program")?;
    let name = &shop.name;
    let said = on_laptop(&format!(
        "seq {CROWD} | timeout 90 xargs -P 4 -I N {hawser} intercept {name} --name {name}-N --port 9000:http --http-header x-user=uN"
    ));
    ensure!(said.code == 0, "{said:?}");
    one_by_one(shop)
}

fn one_by_one(workload: &Workload) -> Result<Load> {
    load(workload, 1)
}

/// wrk on the node over so many connections, as another pod would come.
fn load(workload: &Workload, connections: usize) -> Result<Load> {
    let said: Said = on_node(&format!("wrk --latency -t 1 -c {connections} -d 3 http://{}/", workload.address));
    ensure!(said.code == 0, "{said:?}");
    let time = |label| -> Result<f64> {
        let mut lines = said.out.lines().map(str::trim_start);
        let line =
            lines.find_map(|line| line.strip_prefix(label)).with_context(|| format!("no {label} in {}", said.out))?;
        microseconds(line.trim())
    };
    Ok(Load { p50_us: time("50%")?, p99_us: time("99%")?, per_second: after(&said.out, "Requests/sec:")? })
}

/// A time as wrk prints it.
fn microseconds(text: &str) -> Result<f64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().with_context(|| format!("reading {text:?}"))?;
    Ok(number
        * match unit {
            "us" => 1.0,
            "ms" => 1e3,
            _ => 1e6,
        })
}

/// MB that each agent on the node has in memory.
fn resident() -> Result<Vec<f64>> {
    let said = on_node("for p in $(pgrep -x hawser-agent); do grep VmRSS /proc/$p/status; done");
    let kilobytes = said.out.lines().filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    let megabytes: Vec<f64> = kilobytes.map(|kilobytes| kilobytes / 1e3).collect();
    ensure!(!megabytes.is_empty(), "no agent runs");
    Ok(megabytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_wrk_are_read() {
        let all = ["33.00us", "1.20ms", "2.00s"].map(|text| microseconds(text).unwrap());
        assert_eq!(all, [33.0, 1_200.0, 2_000_000.0]);
        assert!(microseconds("").is_err());
    }
}
