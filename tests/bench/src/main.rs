//! Measures each number of Hawser against a plain wire in the same run.

mod cluster;
mod figure;
mod gates;
mod machine;
mod report;
mod rows;
mod worlds;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use hawser_e2e::probe::Probe;

use figure::Figure;
use gates::Gate;
use machine::Machine;
use rows::ROWS;
use worlds::Worlds;

/// Measures Hawser against a plain wire: blocks of direct, Hawser, direct; the median of the blocks' ratios counts.
#[derive(Parser)]
#[command(name = "tests/bench/run")]
#[command(after_help = "Fails if a correctness gate fails or a ratio is below what it must be.")]
struct Args {
    /// Rows to measure; all unless given. `gates` are the correctness gates.
    rows: Vec<String>,
    /// One block for each row in place of three
    #[arg(long)]
    quick: bool,
    /// Ten checked gigabytes in place of one, and five blocks
    #[arg(long)]
    full: bool,
    /// Print the names of the rows
    #[arg(long)]
    list: bool,
    #[command(subcommand)]
    command: Option<Internal>,
}

#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Internal {
    /// The measuring client inside a world
    #[command(hide = true)]
    Probe(Probe),
    /// Rows on a Kubernetes; see tests/bench/cluster
    #[command(hide = true)]
    Cluster {
        rows: Vec<String>,
        #[arg(long)]
        quick: bool,
    },
    /// A bare port-forward
    #[command(hide = true)]
    Bare(cluster::bare::Bare),
    /// Sessions with idle links
    #[command(hide = true)]
    Sessions(cluster::sessions::Sessions),
    /// Many objects
    #[command(hide = true)]
    Fill(cluster::scale::Fill),
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    match args.command {
        Some(Internal::Probe(probe)) => return probe.run().map(|()| ExitCode::SUCCESS),
        Some(Internal::Bare(bare)) => return bare.run().map(|()| ExitCode::SUCCESS),
        Some(Internal::Sessions(sessions)) => return sessions.run().map(|()| ExitCode::SUCCESS),
        Some(Internal::Fill(fill)) => return fill.run().map(|()| ExitCode::SUCCESS),
        Some(Internal::Cluster { rows, quick }) => return on_cluster(&rows, quick),
        None => {}
    }
    if args.list {
        println!("gates");
        ROWS.iter().for_each(|row| println!("{:<12} {}", row.name, row.about));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = args.rows.iter().find(|name| *name != "gates" && ROWS.iter().all(|row| row.name != **name)) {
        bail!("there is no row {unknown:?}; see --list");
    }
    measure(&args)
}

fn on_cluster(rows: &[String], quick: bool) -> Result<ExitCode> {
    let started = Instant::now();
    let machine = Machine::here();
    let figures = cluster::measure(rows, if quick { 1 } else { 3 })?;
    tell(&machine, &[], &figures, started)
}

fn measure(args: &Args) -> Result<ExitCode> {
    let started = Instant::now();
    let machine = Machine::here();
    if machine.busy_percent > 5.0 {
        eprintln!("others keep the cores {:.0} % busy: what follows is not worth much", machine.busy_percent);
    }
    let blocks = if args.full { 5 } else { 3 };
    let worlds = Worlds::new(if args.quick { 1 } else { blocks })?;
    let wanted = |name: &str| args.rows.is_empty() || args.rows.iter().any(|row| row == name);
    let gates = if wanted("gates") { gates::check(&worlds, args.full) } else { Vec::new() };
    let mut figures = Vec::new();
    for row in ROWS.iter().filter(|row| wanted(row.name)) {
        eprintln!("measuring {}: {}", row.name, row.about);
        match (row.measure)(&worlds) {
            Ok(measured) => {
                measured.iter().for_each(|figure| eprintln!("    {figure}"));
                figures.extend(measured);
            }
            Err(error) => {
                eprintln!("    {error:#}");
                figures.push(Figure::failed(row.name, row.about));
            }
        }
    }
    tell(&machine, &gates, &figures, started)
}

fn tell(machine: &Machine, gates: &[Gate], figures: &[Figure], started: Instant) -> Result<ExitCode> {
    report::print(machine, gates, figures);
    let file = report::write(machine, gates, figures, started.elapsed())?;
    println!("\n{:.0} s; written to {}", started.elapsed().as_secs_f64(), file.display());
    let good = gates.iter().all(|gate| gate.error.is_none()) && figures.iter().all(Figure::lets_pass);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
