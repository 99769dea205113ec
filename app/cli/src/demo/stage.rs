//! The play: who comes on when, and in which order all leave again.

use std::env;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::process::Command;
use std::time::Instant;

use hawser_fault::{Code, Fault};
use hawser_sandbox::SandboxError;
use hawser_sandbox::world::{Child, Outcome, Plan, World};
use nix::sys::signal::Signal;

use super::{DemoArgs, checks, parties, report};
use crate::output;

/// Why the demo ended before its time.
pub(super) enum Stop {
    /// Something to tell, with what the process in question had said.
    Fault { fault: Fault, said: String },
    /// A command of ours failed, and this is what it has to tell.
    Told(String),
    /// Somebody asked for it.
    Interrupted(Signal),
}

impl Stop {
    /// A process of the demo failed.
    pub(super) fn of(child: &Child, how: &str) -> Self {
        let fault = Fault::new(Code::Internal, format!("the demo's process \"{}\" {how}", child.name));
        Self::Fault { fault, said: parties::log_of(child) }
    }

    /// Prints the reason and gives the exit code.
    pub(super) fn report(self) -> u8 {
        match self {
            Self::Interrupted(signal) => Outcome::Killed(signal).code(),
            Self::Told(said) => {
                eprint!("{said}");
                1
            }
            Self::Fault { fault, said } => {
                eprint!("{said}");
                let _ = output::fault::report(&fault, false);
                1
            }
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault { fault, said: String::new() }
    }
}

impl From<SandboxError> for Stop {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::Interrupted(signal) => Self::Interrupted(signal),
            error => Fault::from(error).into(),
        }
    }
}

/// Everything that runs in the world, in the order in which it was started.
#[derive(Default)]
struct Cast {
    services: Vec<Child>,
    helper: Option<Child>,
    manager: Option<Child>,
}

/// Sets everything up, lets the user have the stage, and ends it all. Gives the exit code.
pub(super) fn play(mut world: World, plan: Plan, args: &DemoArgs) -> Result<u8, Stop> {
    let aloud = args.command.is_empty();
    let resolver_before = fs::read(&world.resolv_conf).unwrap_or_default();
    let mut cast = Cast::default();
    let prepared = prepare(&mut world, &mut cast, plan, args);
    let code = prepared.and_then(|()| perform(&mut world, &cast, plan, args));
    let clean = clear(&mut world, cast, &resolver_before, aloud);
    code.map(|code| if code == 0 && aloud && !clean { 1 } else { code })
}

fn prepare(world: &mut World, cast: &mut Cast, plan: Plan, args: &DemoArgs) -> Result<(), Stop> {
    let aloud = args.command.is_empty();
    for (index, script) in args.in_cluster.iter().enumerate() {
        let began = Instant::now();
        cast.services.push(parties::start_in_cluster(world, index + 1, script)?);
        report::step(aloud, "command in the cluster", began.elapsed(), script);
    }
    if plan.direct {
        return Ok(());
    }
    let began = Instant::now();
    cast.helper = Some(parties::start_helper(world)?);
    report::step(aloud, "helper", began.elapsed(), "runs on the laptop");
    let began = Instant::now();
    let (manager, pin) = parties::start_manager(world)?;
    cast.manager = Some(manager);
    report::step(aloud, "manager", began.elapsed(), "listens in the cluster and knows the laptop's key");
    let began = Instant::now();
    parties::describe_manager(&pin)?;
    if args.unconnected {
        return Ok(());
    }
    parties::connect(world)?;
    report::step(aloud, "connection", began.elapsed(), "stands, each side has shown the key that the other expects");
    Ok(())
}

fn perform(world: &mut World, cast: &Cast, plan: Plan, args: &DemoArgs) -> Result<u8, Stop> {
    if let [program, arguments @ ..] = args.command.as_slice() {
        let mut command = on_laptop(program, cast);
        command.args(arguments);
        if args.unconnected {
            command.env("XDG_CONFIG_HOME", parties::config_folder());
        }
        return attend(world, program, command);
    }
    report::heading("from the laptop");
    let child = world.fork_attached(&world.laptop, "checks", || checks::run(plan))?;
    let code = world.attend(&child).code();
    if args.keep && code <= 1 && io::stdin().is_terminal() && io::stdout().is_terminal() {
        report::note(
            "\nA shell on the laptop. Try: curl web, dig pair, hawser status, hawser flows. It ends with: exit",
        );
        let shell = env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
        let command = on_laptop(&shell, cast);
        attend(world, &shell, command)?;
    }
    Ok(code)
}

fn attend(world: &mut World, program: &str, command: Command) -> Result<u8, Stop> {
    let child = world.start_attached(&world.laptop, program, command)?;
    Ok(world.attend(&child).code())
}

/// A program of the user's that finds this one by its name, and everything else in its environment.
fn on_laptop(program: &str, cast: &Cast) -> Command {
    let mut command = Command::new(program);
    command.envs(parties::addresses()).env("HAWSER_SOCKET", parties::SOCKET);
    let pids = [("HAWSER_DEMO_HELPER_PID", &cast.helper), ("HAWSER_DEMO_MANAGER_PID", &cast.manager)];
    command.envs(pids.into_iter().filter_map(|(name, child)| Some((name, child.as_ref()?.pid.to_string()))));
    let path = env::var_os("PATH").unwrap_or_default();
    if let Ok(own) = env::current_exe()
        && let Some(directory) = own.parent()
        && let Ok(path) = env::join_paths(std::iter::once(directory.to_owned()).chain(env::split_paths(&path)))
    {
        command.env("PATH", path);
    }
    command
}

/// Ends everybody, the last first, and looks whether the laptop is as it was.
fn clear(world: &mut World, cast: Cast, resolver_before: &[u8], aloud: bool) -> bool {
    let began = Instant::now();
    let Cast { services, helper, manager } = cast;
    let mut clean = true;
    if let Some(helper) = helper {
        let ended = world.stop(&helper, parties::ENDS);
        let resolver_restored = fs::read(&world.resolv_conf).is_ok_and(|now| now == resolver_before);
        clean = ended == Outcome::Exited(0) && resolver_restored && !parties::laptop_has_device();
        if aloud {
            let found = match (ended, resolver_restored) {
                (Outcome::Exited(0), true) if clean => "ended; device gone, resolver as before".to_owned(),
                (Outcome::Exited(0), true) => "ended, but left its device".to_owned(),
                (Outcome::Exited(0), false) => "ended, but left the resolver changed".to_owned(),
                (ended, _) => report::ending(ended),
            };
            report::heading("afterwards");
            report::line(clean, "helper", began.elapsed(), &found);
        }
    }
    if let Some(manager) = manager {
        let began = Instant::now();
        let ended = world.stop(&manager, parties::ENDS);
        clean &= ended == Outcome::Exited(0);
        if aloud {
            report::line(ended == Outcome::Exited(0), "manager", began.elapsed(), &report::ending(ended));
        }
    }
    for service in services {
        world.stop(&service, parties::ENDS);
    }
    clean
}
