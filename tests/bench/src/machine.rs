//! Where the numbers were measured.

use std::fs;

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
        }
    }
}
