//! `hawser-app`: the tray and the window. It shows what the controller says and hands on what is clicked.
//!
//! What stays all day is small: the controller, the tray and notifications ([`resident`]). The window, with the toolkit and the
//! web view that it takes, is another program, `hawser-window`, which runs while it is open ([`window`]).

mod asked;
mod desk;
mod options;
mod outbox;
mod platform;
mod resident;
mod single;
mod tray;
mod window;
mod wire;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    log();
    resident::run(&options).unwrap_or_else(|fault| {
        eprintln!("hawser-app: {fault}\n{}", fault.fix);
        ExitCode::FAILURE
    })
}

fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HAWSER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}
