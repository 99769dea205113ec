//! Counts the instructions of the data plane's core: `cargo bench -p hawser-vif --bench instructions`.
//!
//! Each scenario runs under valgrind's callgrind in a process of its own. The count hardly depends on the machine, so the
//! run fails when a scenario takes a tenth more than `counts.toml` says. `callgrind_annotate target/instructions/NAME` shows where.

mod counted;
mod laptop;
mod scenarios;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use scenarios::{SCENARIOS, Scenario};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// In percent.
const TOLERANCE: f64 = 10.0;

fn main() -> Result<ExitCode> {
    if let Some(name) = std::env::args().skip_while(|argument| argument != "run").nth(1) {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).context("no such scenario")?;
        let work = (scenario.run)();
        println!("{} {}", work.units, work.bytes);
        return Ok(ExitCode::SUCCESS);
    }
    let known: BTreeMap<String, f64> = toml::from_str(include_str!("counts.toml"))?;
    let mut dearer = 0;
    println!("{:<15} {:>12} {:>8} {:>12} {:>9}  unit", "scenario", "instructions", "a byte", "known", "change");
    for scenario in SCENARIOS {
        let Count { each, byte } = count(scenario)?;
        let known = *known.get(scenario.name).with_context(|| format!("counts.toml lacks {}", scenario.name))?;
        let change = (each / known - 1.0) * 100.0;
        dearer += usize::from(change > TOLERANCE);
        let verdict = match change {
            _ if change > TOLERANCE => "DEARER",
            _ if change < -TOLERANCE => "cheaper",
            _ => "",
        };
        let byte = byte.map_or_else(String::new, |byte| format!("{byte:.3}"));
        println!(
            "{:<15} {each:>12.0} {byte:>8} {known:>12.0} {change:>+7.1} %  {} {verdict}",
            scenario.name, scenario.unit
        );
    }
    if dearer > 0 {
        println!(
            "{dearer} dearer by more than {TOLERANCE} %: make them cheaper, or say in counts.toml what they cost now"
        );
    }
    Ok(if dearer == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Instructions for one unit, and for one byte of payload.
struct Count {
    each: f64,
    byte: Option<f64>,
}

fn count(scenario: &Scenario) -> Result<Count> {
    let program = std::env::current_exe()?;
    let profile = profile(&program, scenario.name)?;
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--toggle-collect={}", counted::PATTERN))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(&program)
        .args(["run", scenario.name])
        // Valgrind counts each byte of a `rep movsb` as an instruction: copies would hide all the rest.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-ERMS")
        .output()
        .context("valgrind cannot be run: apt-get install valgrind")?;
    if !output.status.success() {
        bail!("{} failed:\n{}", scenario.name, String::from_utf8_lossy(&output.stderr));
    }
    let work = String::from_utf8(output.stdout)?;
    let (units, bytes) = work.trim().split_once(' ').context("a scenario says what it did")?;
    let (units, bytes): (f64, f64) = (units.parse()?, bytes.parse()?);
    let text = fs::read_to_string(&profile)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).context("a profile without a total")?;
    let total: f64 = total.trim().parse()?;
    ensure!(total > 0.0, "{}: nothing was counted", scenario.name);
    Ok(Count { each: total / units, byte: (bytes > 0.0).then_some(total / bytes) })
}

/// Where callgrind writes, in the target directory: the program lies in `target/release/deps`.
fn profile(program: &Path, name: &str) -> Result<PathBuf> {
    let directory = program.ancestors().nth(3).context("the target directory")?.join("instructions");
    fs::create_dir_all(&directory)?;
    Ok(directory.join(name))
}
