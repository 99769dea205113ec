//! What a tree of processes takes.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::unistd::{SysconfVar, sysconf};

/// A process and its descendants, by id, with their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processes(pub BTreeMap<u32, String>);

/// The tree below a process, itself included.
///
/// # Errors
/// When it isn't there.
pub fn tree(root: u32) -> Result<Processes> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may end meanwhile.
        let Ok(fields) = stat(id) else { continue };
        children.entry(fields.parent).or_default().push(id);
        names.insert(id, fields.name);
    }
    let mut found = BTreeMap::new();
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        if let Some(name) = names.remove(&id) {
            found.insert(id, name);
            waiting.extend(children.remove(&id).unwrap_or_default());
        }
    }
    ensure!(!found.is_empty(), "there is no process {root}");
    Ok(Processes(found))
}

impl Processes {
    /// How many have a name that begins like this; the kernel keeps 15 characters.
    pub fn named(&self, beginning: &str) -> usize {
        self.0.values().filter(|name| name.starts_with(beginning)).count()
    }

    /// Proportional set size of all, in bytes.
    ///
    /// # Errors
    /// When one has ended.
    pub fn memory(&self) -> Result<u64> {
        self.0.keys().map(|id| pss(*id)).sum()
    }

    /// Memory by process, for a person.
    pub fn describe(&self) -> String {
        let one = |(id, name): (&u32, &String)| format!("{name} {:.0} MB", pss(*id).unwrap_or_default() as f64 / 1e6);
        self.0.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// How many threads all have.
    ///
    /// # Errors
    /// When one has ended.
    pub fn threads(&self) -> Result<usize> {
        self.0.keys().map(|id| Ok(fs::read_dir(format!("/proc/{id}/task"))?.count())).sum()
    }

    /// Processor time of all so far.
    ///
    /// # Errors
    /// When one has ended.
    pub fn busy(&self) -> Result<Duration> {
        self.0.keys().map(|id| Ok(stat(*id)?.busy)).sum()
    }
}

struct Stat {
    name: String,
    parent: u32,
    busy: Duration,
}

/// `/proc/PID/stat` (proc(5)).
fn stat(id: u32) -> Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (before, after) = text.rsplit_once(')').context("a name in brackets")?;
    let name = before.split_once('(').context("a name in brackets")?.1.to_owned();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |index: usize| -> Result<u64> { Ok(fields.get(index).context("too few fields")?.parse()?) };
    let ticks = sysconf(SysconfVar::CLK_TCK)?.context("the length of a tick")? as f64;
    let busy = Duration::from_secs_f64((field(11)? + field(12)?) as f64 / ticks);
    Ok(Stat { name, parent: u32::try_from(field(1)?)?, busy })
}

fn pss(id: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("a line of PSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
