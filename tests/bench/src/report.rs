//! The table on the screen and the file beside it.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::json;

use crate::figure::{Figure, number};
use crate::gates::Gate;
use crate::machine::Machine;

/// Prints gates and figures.
pub fn print(machine: &Machine, gates: &[Gate], figures: &[Figure]) {
    println!(
        "\n{}, {} cores, {} GB, {}, Linux {}\n",
        machine.processor, machine.cores, machine.memory_gb, machine.system, machine.kernel
    );
    for gate in gates {
        println!("{}  {}", if gate.error.is_none() { "PASS  " } else { "FAILED" }, gate.name);
        if let Some(error) = &gate.error {
            println!("        {}", error.replace('\n', "\n        "));
        }
    }
    let width = figures.iter().map(|figure| figure.what.chars().count()).max().unwrap_or(0);
    println!("\n{:<12} {:<width$} {:>9} {:>9} {:>9}  {:<10} measured", "row", "what", "value", "must", "aim", "");
    for figure in figures {
        let [must, aim] = figure.goal.bounds();
        println!(
            "{:<12} {:<width$} {:>9} {must:>9} {aim:>9}  {:<10} {}",
            figure.row,
            figure.what,
            number(figure.value),
            figure.verdict,
            figure.behind
        );
    }
}

/// Writes everything to a file of its own and returns its path.
pub fn write(machine: &Machine, gates: &[Gate], figures: &[Figure], took: Duration) -> Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    // The program lies in target/release.
    let program = std::env::current_exe()?;
    let directory = program.ancestors().nth(2).context("the target directory")?.join("bench");
    std::fs::create_dir_all(&directory)?;
    let file = directory.join(format!("{seconds}.json"));
    let report = json!({
        "time": seconds,
        "seconds": took.as_secs_f64(),
        "machine": machine,
        "gates": gates,
        "figures": figures,
    });
    let text = serde_json::to_string_pretty(&report)?;
    std::fs::write(&file, &text)?;
    std::fs::write(directory.join("latest.json"), text)?;
    Ok(file)
}
