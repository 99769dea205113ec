//! Helper and manager seen from outside, through /proc.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde_json::{Value, json};

/// What one process holds and has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Its id.
    pub pid: i32,
    /// Resident memory.
    pub resident_mb: f64,
    /// Open file descriptors.
    pub files: usize,
    /// Processor time, ended threads included; steps of a clock tick.
    pub cpu: Duration,
    /// Processor time of the threads that live; exact.
    pub running: Duration,
    /// How often its threads went to sleep by themselves.
    pub switches: u64,
}

/// Both processes.
pub fn usage() -> Result<Value> {
    let show = |usage: Usage| {
        json!({
            "pid": usage.pid,
            "arguments": arguments(usage.pid).unwrap_or_default(),
            "resident_mb": usage.resident_mb,
            "files": usage.files,
            "cpu_s": usage.cpu.as_secs_f64(),
            "running_s": usage.running.as_secs_f64(),
            "switches": usage.switches,
        })
    };
    Ok(json!({ "helper": helper().map(show).ok(), "manager": find("manager").and_then(measure).map(show).ok() }))
}

/// The helper of this world.
pub fn helper() -> Result<Usage> {
    find("helper").and_then(measure)
}

/// Kills a process, waits for its end, and starts it again where this process runs.
pub fn respawn(pid: i32, away: u64) -> Result<Value> {
    let arguments = arguments(pid).with_context(|| format!("no process {pid}"))?;
    let program = fs::read_link(format!("/proc/{pid}/exe"))?;
    let directory = fs::read_link(format!("/proc/{pid}/cwd"))?;
    let environment = fs::read(format!("/proc/{pid}/environ"))?;
    kill(Pid::from_raw(pid), Signal::SIGKILL)?;
    while is_alive(pid) {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(away));
    let variables = environment.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    let variables = variables.filter_map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
    let log = fs::File::create(format!("/tmp/respawned-{}.log", arguments.get(1).map_or("", String::as_str)))?;
    let child = Command::new(program)
        .args(&arguments[1..])
        .current_dir(directory)
        .env_clear()
        .envs(variables)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok(json!({ "pid": child.id() }))
}

/// The process whose command line is `hawser ROLE ...`.
fn find(role: &str) -> Result<i32> {
    let processes = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found = processes.filter(|&pid: &i32| {
        let arguments = arguments(pid).unwrap_or_default();
        is_alive(pid) && program(pid) == "hawser" && arguments.get(1).is_some_and(|argument| argument == role)
    });
    found.next().with_context(|| format!("no process `hawser {role}` is running"))
}

fn measure(pid: i32) -> Result<Usage> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let status = read("status").with_context(|| format!("process {pid} has ended"))?;
    let (mut switches, mut running) = (0, 0);
    for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
        let Some(task) = task.file_name().to_str().map(str::to_owned) else { continue };
        let status = read(&format!("task/{task}/status")).unwrap_or_default();
        switches += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
        let schedule = read(&format!("task/{task}/schedstat")).unwrap_or_default();
        running += schedule.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
    }
    // The name may contain blanks; everything after its closing bracket is numbers.
    let stat = read("stat")?;
    let numbers: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = numbers.iter().skip(11).take(2).filter_map(|number| number.parse::<f64>().ok()).sum();
    let tick = sysconf(SysconfVar::CLK_TCK)?.context("the system has no clock tick")? as f64;
    Ok(Usage {
        pid,
        resident_mb: field(&status, "VmRSS:").context("no VmRSS")? as f64 / 1024.0,
        files: fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count),
        cpu: Duration::from_secs_f64(ticks / tick),
        running: Duration::from_nanos(running),
        switches,
    })
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn arguments(pid: i32) -> Result<Vec<String>> {
    let line = fs::read(format!("/proc/{pid}/cmdline"))?;
    let arguments: Vec<String> =
        line.split(|&byte| byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    ensure!(arguments.len() > 1, "process {pid} has no command line");
    Ok(arguments[..arguments.len() - 1].to_vec())
}

/// The name of the program's file, wherever it was started by whichever name.
fn program(pid: i32) -> String {
    let path = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.trim_end_matches(" (deleted)").to_owned()
}

/// A zombie is no longer alive: its sockets are closed.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
