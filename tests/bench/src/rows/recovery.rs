//! How soon everything works: at first, and again.

use anyhow::{Context, Result};
use hawser_e2e::World;
use hawser_e2e::probe::ports;

use crate::figure::{Figure, Goal};
use crate::worlds::{Worlds, probe};

/// From the command's start to the first name and request.
pub fn connect(worlds: &Worlds) -> Result<Vec<Figure>> {
    let world = worlds.world(false, &[])?;
    let arguments = world.connect_arguments()?;
    let hawser = hawser_e2e::hawser()?.display().to_string();
    let mut times = Vec::new();
    for _ in 0..worlds.blocks.max(3) {
        world.read(&format!("{hawser} disconnect"))?;
        let command =
            format!("{hawser} connect {arguments} && getent ahostsv4 web && curl -sS --fail --max-time 5 http://web/");
        times.push(world.run(&command)?.ok()?.took.as_secs_f64());
    }
    let behind = "connect, getent, curl".to_owned();
    Ok(vec![Figure::absolute("connect", "to the first request, s", times, Goal::AtMost(2.0, 0.7), behind)])
}

pub fn recovery(worlds: &Worlds) -> Result<Vec<Figure>> {
    let world = worlds.world(false, &[])?;
    let (mut killed, mut silent) = (Vec::new(), Vec::new());
    for _ in 0..worlds.blocks.min(3) {
        killed.push(after_kill(&world)?);
        silent.push(after_silence(&world)?);
    }
    let goal = Goal::AtMost(3.0, 1.0);
    Ok(vec![
        Figure::absolute(
            "recovery",
            "manager killed, s",
            killed,
            goal,
            "after 2 s away, from its new start".to_owned(),
        ),
        Figure::absolute("recovery", "link silent, s", silent, goal, "after 6 s of silence, from its end".to_owned()),
    ])
}

fn after_kill(world: &World) -> Result<f64> {
    let manager = manager(world)?;
    let respawn = format!("{} respawn {manager} --away 2000", world.probe_command());
    world.read(&format!("nsenter -t {manager} -n -m {respawn}"))?;
    next_request(world)
}

/// Packets to the laptop vanish where the manager is.
fn after_silence(world: &World) -> Result<f64> {
    let manager = manager(world)?;
    let laptop = world.read("ip -o -4 addr show dev link0 | sed 's/.* inet \\([^/]*\\).*/\\1/'")?;
    let route = |what: &str| world.read(&format!("nsenter -t {manager} -n ip route {what} blackhole {laptop}/32"));
    route("add")?;
    world.read("sleep 6")?;
    route("del")?;
    next_request(world)
}

fn next_request(world: &World) -> Result<f64> {
    Ok(probe(world, &format!("recover {}:{}", world.ip, ports::ECHO), "ms")? / 1e3)
}

fn manager(world: &World) -> Result<i64> {
    world.probe("usage")?["manager"]["pid"].as_i64().context("the manager is not running")
}
