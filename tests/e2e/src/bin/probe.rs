//! The probe as a program of its own.

use clap::Parser;
use hawser_e2e::probe::Probe;

fn main() -> anyhow::Result<()> {
    Probe::parse().run()
}
