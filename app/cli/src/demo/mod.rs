//! `hawser demo`: a private world in which everything works together.
//!
//! [`run`] stays outside of the world and waits. [`stage`] is the play: services, manager, helper, connection, then
//! the checklist or the user's command, then the end. [`checks`] proves each thing from the laptop.

mod checks;
mod parties;
mod report;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use hawser_fault::Fault;
use hawser_sandbox::link::{Shape, Tun};
use hawser_sandbox::world::{self, Plan};

use crate::output;

/// Build a private network with a cluster in it, connect to it and prove each thing in turn
#[derive(Args, Debug)]
#[command(
    after_help = "Scripts find the cluster's addresses in $HAWSER_DEMO_CLUSTER_IP and $HAWSER_DEMO_CLUSTER_IP6. \
With HAWSER_DEMO_DIRECT=1 the laptop gets plain routes and the cluster's name server instead of Hawser, as a baseline."
)]
pub(crate) struct DemoArgs {
    /// Run a shell command in the cluster first; may be given again
    #[arg(long, value_name = "CMD")]
    in_cluster: Vec<String>,
    /// Round trip time of the link in milliseconds, half of it each way
    #[arg(long, value_name = "MS", default_value = "0", value_parser = parse_delay, hide_default_value = true)]
    delay: Duration,
    /// Share of packets that the link loses each way, in percent
    #[arg(long, value_name = "PCT", default_value = "0", value_parser = parse_loss, hide_default_value = true)]
    loss: f64,
    /// What the link carries each way, in megabits a second
    #[arg(long, value_name = "MBIT", value_parser = parse_rate)]
    rate: Option<u64>,
    /// Open a shell on the laptop after the checks
    #[arg(long, conflicts_with = "command")]
    keep: bool,
    /// Leave it to the command to connect; its $XDG_CONFIG_HOME has the file of the manager
    #[arg(long, requires = "command")]
    unconnected: bool,
    /// Run this on the laptop instead of the checks; its exit code is the demo's
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl DemoArgs {
    fn shape(&self) -> Shape {
        Shape { round_trip: self.delay, loss: self.loss / 100.0, rate: self.rate }
    }
}

/// Runs the demo in a world of its own. The process may have one thread only.
pub(crate) fn run(args: DemoArgs) -> ExitCode {
    let direct = std::env::var_os("HAWSER_DEMO_DIRECT").is_some_and(|value| value == "1");
    let plan = Plan { shape: args.shape(), direct };
    let began = Instant::now();
    if !(plan.direct && plan.shape.is_plain())
        && let Err(error) = Tun::available()
    {
        return fail(&error.into());
    }
    let code = world::enter(plan, |world| {
        let played = world.map_err(Fault::from).map_err(stage::Stop::from).and_then(|world| {
            report::step(args.command.is_empty(), "private world", began.elapsed(), &describe(plan));
            stage::play(world, plan, &args)
        });
        played.unwrap_or_else(stage::Stop::report)
    });
    match code {
        Ok(code) => {
            report::end(args.command.is_empty(), code);
            ExitCode::from(code)
        }
        Err(error) => fail(&error.into()),
    }
}

fn fail(fault: &Fault) -> ExitCode {
    // Nothing is left to tell anybody if even this can't be written.
    let _ = output::fault::report(fault, false);
    ExitCode::FAILURE
}

fn describe(plan: Plan) -> String {
    let Shape { round_trip, loss, rate } = plan.shape;
    let mut link = String::from("a laptop and a cluster, joined by a ");
    if plan.shape.is_plain() {
        link += "wire";
    } else {
        link += &format!("link of {} ms", round_trip.as_secs_f64() * 1e3);
        if loss > 0.0 {
            link += &format!(", {} % loss", loss * 100.0);
        }
        if let Some(rate) = rate {
            link += &format!(", {} Mbit/s", rate as f64 / 1e6);
        }
    }
    if plan.direct { link + "; no Hawser" } else { link }
}

fn parse_delay(text: &str) -> Result<Duration, String> {
    let milliseconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=60_000.0).contains(&milliseconds) {
        Ok(Duration::from_secs_f64(milliseconds / 1e3))
    } else {
        Err("a delay lies between 0 and 60000 ms".to_owned())
    }
}

fn parse_loss(text: &str) -> Result<f64, String> {
    let percent = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err("a loss lies between 0 and 100 %".to_owned()) }
}

fn parse_rate(text: &str) -> Result<u64, String> {
    let megabits: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=100_000.0).contains(&megabits) {
        Ok((megabits * 1e6) as u64)
    } else {
        Err("a rate lies between 0.01 and 100000 Mbit/s".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_checked_at_the_border() {
        assert_eq!(parse_delay("20"), Ok(Duration::from_millis(20)));
        assert_eq!(parse_delay("0.5"), Ok(Duration::from_micros(500)));
        assert_eq!(parse_loss("100"), Ok(100.0));
        assert_eq!(parse_rate("0.5"), Ok(500_000));
        for wrong in ["", "x", "-1", "nan", "inf", "1e9"] {
            assert!(parse_delay(wrong).is_err() && parse_loss(wrong).is_err() && parse_rate(wrong).is_err(), "{wrong}");
        }
        assert!(parse_rate("0").is_err());
    }

    #[test]
    fn the_link_is_described() {
        assert!(describe(Plan::default()).ends_with("joined by a wire"));
        let shape = Shape { round_trip: Duration::from_millis(20), loss: 0.01, rate: Some(5_000_000) };
        let described = describe(Plan { shape, direct: true });
        assert!(described.ends_with("link of 20 ms, 1 % loss, 5 Mbit/s; no Hawser"), "{described}");
    }
}
