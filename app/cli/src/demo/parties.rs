//! Manager, helper and the programs in the cluster: started as real processes, waited for, stopped.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hawser_fault::{Code, Fault};
use hawser_sandbox::plan;
use hawser_sandbox::world::{self, Child, Outcome, RUN_DIRECTORY, World};

use super::report;
use super::stage::Stop;

/// Where the helper of the world listens.
pub(super) const SOCKET: &str = "/run/hawser/helper.sock";
const MANAGER_PORT: u16 = 7300;

/// How long manager or helper may take to be ready.
const READY: Duration = Duration::from_secs(10);
/// How long a connection may take, over the slowest link that can be asked for.
const CONNECTED: Duration = Duration::from_secs(30);
/// How long a program in the cluster may take to listen; who never does is not waited for any longer.
const LISTENS: Duration = Duration::from_secs(1);
/// How long a process may take to end once it's asked.
pub(super) const ENDS: Duration = Duration::from_secs(5);

/// Starts a shell command in the cluster, and gives it a moment to listen on a port.
pub(super) fn start_in_cluster(world: &mut World, number: usize, script: &str) -> Result<Child, Stop> {
    let mut command = Command::new("sh");
    command.args(["-c", script]).envs(addresses());
    let child = world.start(&world.cluster, &format!("in-cluster-{number}"), command)?;
    let before = world::listening(&child);
    world.wait_for(Instant::now() + LISTENS, |world| {
        let now: BTreeSet<_> = world::listening(&child);
        (world.ended(&child).is_some() || !now.is_subset(&before)).then_some(())
    })?;
    if let Some(outcome) = world.ended(&child)
        && outcome != Outcome::Exited(0)
    {
        eprint!("{}", log_of(&child));
        eprintln!("hawser demo: the command in the cluster {}: {script}", report::ending(outcome));
    }
    Ok(child)
}

/// The cluster's addresses for scripts.
pub(super) fn addresses() -> [(&'static str, String); 2] {
    [
        ("HAWSER_DEMO_CLUSTER_IP", plan::CLUSTER_V4.to_string()),
        ("HAWSER_DEMO_CLUSTER_IP6", plan::CLUSTER_V6.to_string()),
    ]
}

/// Starts the helper on the laptop and waits until it can be asked.
pub(super) fn start_helper(world: &mut World) -> Result<Child, Stop> {
    let mut command = hawser();
    command.args(["helper", "--socket", SOCKET, "--resolv-conf", "/etc/resolv.conf"]);
    command.arg("--state-dir").arg(file("state"));
    let helper = world.start(&world.laptop, "helper", command)?;
    ready(world, &helper, |_| UnixStream::connect(SOCKET).is_ok())?;
    Ok(helper)
}

/// Starts a manager in the cluster that lets the laptop in, and waits until it listens. Also gives its pin.
pub(super) fn start_manager(world: &mut World) -> Result<(Child, String), Stop> {
    let mut key = hawser();
    key.arg("key").env("HAWSER_SOCKET", SOCKET);
    let laptop_pin = run_for_pin(world, "key", key)?;

    let settings = file("manager.toml");
    write(&settings, &manager_settings(&laptop_pin))?;
    let mut key = hawser();
    key.args(["manager", "key", "--standalone", &settings]);
    let manager_pin = run_for_pin(world, "manager-key", key)?;

    let mut command = hawser();
    command.args(["manager", "--standalone", &settings]);
    let manager = world.start(&world.cluster, "manager", command)?;
    ready(world, &manager, |manager| world::listening(manager).contains(&("tcp6", MANAGER_PORT)))?;
    Ok((manager, manager_pin))
}

/// Writes the file by which the user's programs find the manager.
pub(super) fn describe_manager(manager_pin: &str) -> Result<(), Stop> {
    let path = manager_file();
    if let Some(folder) = Path::new(&path).parent() {
        fs::create_dir_all(folder).map_err(|error| {
            Fault::new(Code::Internal, format!("{} of the demo could not be made: {error}", folder.display()))
        })?;
    }
    write(&path, &format!("manager = \"{}:{MANAGER_PORT}\"\npin = \"{manager_pin}\"\n", plan::GATEWAY_V4))
}

/// What a program has to take for the user's folder of settings, so that it finds the manager, and leaves theirs alone.
pub(super) fn config_folder() -> String {
    file("config")
}

fn manager_file() -> String {
    format!("{}/hawser/managers/demo.toml", config_folder())
}

/// Asks the helper to connect and waits until the connection stands.
pub(super) fn connect(world: &mut World) -> Result<(), Stop> {
    let mut command = hawser();
    command.args(["connect", "--standalone", &manager_file(), "--name", "demo"]).env("HAWSER_SOCKET", SOCKET);
    run(world, "connect", command, CONNECTED).map(drop)
}

/// Whether the laptop, where process 1 of the world is, has a device of Hawser's.
pub(super) fn laptop_has_device() -> bool {
    let devices = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    devices.lines().any(|line| line.trim_start().starts_with("hawser"))
}

/// What a background process has said.
pub(super) fn log_of(child: &Child) -> String {
    fs::read_to_string(world::log_path(&child.name)).unwrap_or_default()
}

/// This program, as another process.
fn hawser() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("hawser");
    command
}

fn file(name: &str) -> String {
    format!("{RUN_DIRECTORY}/{name}")
}

fn write(path: &str, text: &str) -> Result<(), Stop> {
    fs::write(path, text)
        .map_err(|error| Fault::new(Code::Internal, format!("{path} of the demo could not be written: {error}")).into())
}

fn ready(world: &mut World, child: &Child, is_ready: impl Fn(&Child) -> bool) -> Result<(), Stop> {
    let deadline = Instant::now() + READY;
    let outcome = world.wait_for(deadline, |world| match world.ended(child) {
        Some(outcome) => Some(Err(outcome)),
        None => is_ready(child).then_some(Ok(())),
    })?;
    match outcome {
        Some(Ok(())) => Ok(()),
        Some(Err(outcome)) => Err(Stop::of(child, &report::ending(outcome))),
        None => Err(Stop::of(child, "was not ready in time")),
    }
}

fn run_for_pin(world: &mut World, name: &str, command: Command) -> Result<String, Stop> {
    let child = run(world, name, command, READY)?;
    let log = log_of(&child);
    let pin = log.lines().find(|line| line.starts_with("sha256:"));
    pin.map(|line| line.trim_end().to_owned()).ok_or_else(|| Stop::of(&child, "printed no pin"))
}

/// Runs one of our own commands on the laptop to its end, which is to be a good one. If not, it has said why.
fn run(world: &mut World, name: &str, command: Command, patience: Duration) -> Result<Child, Stop> {
    let child = world.start(&world.laptop, name, command)?;
    match world.wait_for(Instant::now() + patience, |world| world.ended(&child))? {
        Some(Outcome::Exited(0)) => Ok(child),
        Some(Outcome::Exited(_)) => Err(Stop::Told(log_of(&child))),
        Some(outcome) => Err(Stop::of(&child, &report::ending(outcome))),
        None => Err(Stop::of(&child, "did not end in time")),
    }
}

fn manager_settings(laptop_pin: &str) -> String {
    let [v4, v6] = plan::subnets();
    let mut settings = format!(
        "listen = \"[::]:{MANAGER_PORT}\"\n\
         key = \"manager.key\"\n\
         subnets = [\"{v4}\", \"{v6}\"]\n\
         authorised_keys = [\"{laptop_pin}\"]\n\
         name_servers = [\"{}:{}\"]\n\
         search_domain = \"{}\"\n\
         domains = [\"{}\"]\n\
         \n\
         [zones.\"{}\"]\n",
        plan::NAME_SERVER,
        plan::DNS_PORT,
        plan::SEARCH_DOMAIN,
        plan::ZONE,
        plan::ZONE,
    );
    for service in plan::SHOP {
        let name = service.full_name();
        let name = name.strip_suffix(plan::ZONE).map_or(name.as_str(), |name| name.trim_end_matches('.'));
        let addresses: Vec<_> = service.addresses().map(|address| format!("\"{address}\"")).collect();
        let _ = writeln!(settings, "\"{name}\" = [{}]", addresses.join(", "));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::manager_settings;

    #[test]
    fn the_managers_file_names_subnets_keys_and_the_shop() {
        let settings = manager_settings("sha256:00");
        for line in [
            "subnets = [\"10.96.0.0/16\", \"fd00:96::/64\"]",
            "authorised_keys = [\"sha256:00\"]",
            "[zones.\"demo.local\"]",
            "\"web.shop.svc\" = [\"10.96.0.11\", \"fd00:96::11\"]",
            "\"six.shop.svc\" = [\"fd00:96::17\"]",
        ] {
            assert!(settings.lines().any(|there| there == line), "{line} is missing in:\n{settings}");
        }
    }
}
