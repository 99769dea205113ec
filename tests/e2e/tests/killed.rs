//! A demo that is killed takes everything with it. A file of its own: nothing else may run meanwhile.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use support::{eventually, world};

#[test]
fn nothing_is_left_of_a_killed_demo() {
    let before = traces();
    let world = world();
    let family = descendants(world.pid());
    assert!(family.len() >= 3, "helper, manager and agent at least: {family:?}");
    let killed = Command::new("kill").args(["-9", &world.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    eventually("every process of the demo has ended", Duration::from_secs(5), || {
        family.iter().all(|pid| !is_alive(*pid))
    });
    drop(world);
    eventually("the namespaces are gone", Duration::from_secs(10), || traces().is_subset(&before));
}

/// Names of network devices, namespaces that processes are in, and files where services put theirs.
fn traces() -> BTreeSet<String> {
    let mut traces = BTreeSet::new();
    for directory in ["/sys/class/net", "/run", "/run/hawser", "/var/lib/hawser", "/tmp", "/run/netns"] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            traces.insert(entry.path().display().to_string());
        }
    }
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for kind in ["net", "mnt", "user", "pid"] {
            let namespace = fs::read_link(process.path().join("ns").join(kind));
            traces.extend(namespace.ok().map(|namespace| namespace.display().to_string()));
        }
    }
    traces.extend(fs::read_to_string("/etc/resolv.conf"));
    traces
}

fn descendants(of: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

/// The demo itself stays a zombie until its parent, this test, has looked.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).is_some_and(|state| state != 'Z')
}
