//! Where the numbers were measured.

use std::fs;
use std::time::Duration;

use serde::Serialize;

/// What decides about absolute numbers.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many cores share all work.
    pub cores: usize,
    /// Memory in GB.
    pub memory_gb: f64,
    /// Kernel release.
    pub kernel: String,
    /// Distribution.
    pub system: String,
    /// How busy others kept the cores just before the run, in percent. Above a few percent no number is worth much.
    pub busy_percent: f64,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        let value = |file: &str, key: &str, cut: char| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
            line.split_once(cut).map_or(String::new(), |(_, value)| value.trim().trim_matches('"').to_owned())
        };
        let memory = value("/proc/meminfo", "MemTotal", ':');
        let kilobytes: f64 = memory.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0);
        Machine {
            processor: value("/proc/cpuinfo", "model name", ':'),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gb: (kilobytes / 1e5).round() / 10.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            system: value("/etc/os-release", "PRETTY_NAME", '='),
            busy_percent: busy_percent(),
        }
    }
}

/// Share of one second that the cores did not spend idle.
fn busy_percent() -> f64 {
    let (before, idle_before) = ticks();
    std::thread::sleep(Duration::from_secs(1));
    let (after, idle_after) = ticks();
    let span = after - before;
    if span > 0.0 { (1.0 - (idle_after - idle_before) / span) * 100.0 } else { 0.0 }
}

/// All ticks of all cores so far, and those that were idle or waited for a disk (proc(5), `/proc/stat`).
fn ticks() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    (ticks.iter().sum(), ticks.iter().skip(3).take(2).sum())
}
