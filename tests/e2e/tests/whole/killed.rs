//! A demo that is killed takes everything with it. A file of its own: nothing else may run meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::{eventually, world};

#[test]
fn nothing_is_left_of_a_killed_demo() {
    let before = files();
    let world = world();
    let family = descendants(world.pid());
    assert!(family.len() >= 4, "helper, manager, servers and agent at least: {family:?}");
    let own = namespaces(std::process::id());
    let made: BTreeSet<_> = family.iter().flat_map(|pid| namespaces(*pid)).filter(|name| !own.contains(name)).collect();
    assert!(made.len() >= 4, "network, mount, process and user namespaces at least: {made:?}");

    let killed = Command::new("kill").args(["-9", &world.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    eventually("every process of the demo has ended", Duration::from_secs(5), || {
        family.iter().all(|pid| !is_alive(*pid))
    });
    drop(world);
    let still_used = || processes().into_iter().any(|pid| namespaces(pid).iter().any(|name| made.contains(name)));
    eventually("nobody is in the demo's namespaces", Duration::from_secs(5), || !still_used());
    assert_eq!(files(), before);
}

/// Network devices, and files where programs of this kind put theirs.
fn files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for directory in ["/sys/class/net", "/run", "/run/hawser", "/run/netns", "/var/lib/hawser"] {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path().display().to_string()));
    }
    let temporary = fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.path());
    files.extend(temporary.map(|path| path.display().to_string()).filter(|path| path.contains("hawser")));
    files.extend(fs::read_to_string("/etc/resolv.conf"));
    files
}

fn namespaces(pid: u32) -> BTreeSet<String> {
    let names = ["net", "mnt", "user", "pid", "uts", "ipc"].iter();
    let links = names.filter_map(|name| fs::read_link(format!("/proc/{pid}/ns/{name}")).ok());
    links.map(|link| link.display().to_string()).collect()
}

fn processes() -> Vec<u32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn descendants(of: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = processes().into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect();
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
