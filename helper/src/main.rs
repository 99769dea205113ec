//! The helper as a program of its own.

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    hawser_helper::run(hawser_helper::cli::Args::parse())
}
