//! The application with a real helper and a real manager, in the demo's world: connected and disconnected by clicking.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hawser_desktop::{App, Driver, Look, Seat, Session, Watcher, program, until, within};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Is set inside of the world.
const INSIDE: &str = "HAWSER_TEST_INSIDE";
/// The demo's `web`.
const WEB: &str = "10.96.0.11";

#[test]
fn a_click_in_the_window_connects_and_another_one_disconnects() -> Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        return enter("a_click_in_the_window_connects_and_another_one_disconnects");
    }
    connect_and_disconnect()
}

fn connect_and_disconnect() -> Result<()> {
    let resolver = fs::read("/etc/resolv.conf")?;
    let session = Session::start(Look::Light)?;
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    driver.press("Connect")?;
    until("the route", || Ok(routed()?.then_some(())))?;
    until("the name server", || Ok(answers()?.then_some(())))?;
    driver.press("Disconnect")?;
    until("no route", || Ok((!routed()?).then_some(())))?;
    until("the resolver as before", || Ok((fs::read("/etc/resolv.conf")? == resolver).then_some(())))
}

#[test]
fn a_press_in_the_menu_connects_and_the_icon_follows() -> Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        return enter("a_press_in_the_menu_connects_and_the_icon_follows");
    }
    let session = Session::start(Look::Dark)?;
    let watcher = Watcher::start(&session)?;
    let app = App::start(&session, &["--hidden"])?;
    let item = watcher.item()?;
    until("the icon is an outline", || Ok((item.shape()? == "off").then_some(())))?;
    until("the demo is in the menu", || Ok(item.press("Connect demo").ok()))?;
    until("the route", || Ok(routed()?.then_some(())))?;
    within(Duration::from_secs(1), "the icon is filled", || Ok((item.shape()? == "on").then_some(())))?;
    ensure!(item.tooltip()? == "demo connected" && item.status()? == "Active", "{}", item.tooltip()?);
    item.press("Disconnect")?;
    until("no route", || Ok((!routed()?).then_some(())))?;
    within(Duration::from_secs(1), "the icon is an outline", || Ok((item.shape()? == "off").then_some(())))?;
    ensure!(app.processes()?.named("WebKit") == 0, "{:?}", app.processes()?);
    Ok(())
}

#[test]
fn a_window_keeps_what_it_shows_while_its_helper_is_away() -> Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        return enter("a_window_keeps_what_it_shows_while_its_helper_is_away");
    }
    let session = Session::start(Look::Light)?;
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    driver.press("Connect")?;
    driver.find(".state.connected")?;
    let is_grey = |grey: bool| {
        let shown = "return ['.scroll.stale', '.state.connected'].map((one) => document.querySelector(one) !== null);";
        Ok((driver.run(shown, &[])? == serde_json::json!([grey, true])).then_some(()))
    };
    is_grey(false)?.context("it is connected")?;
    kill(Pid::from_raw(std::env::var("HAWSER_DEMO_HELPER_PID")?.parse()?), Signal::SIGKILL)?;
    within(Duration::from_secs(1), "the last that was known is grey", || is_grey(true))?;
    driver.picture("stale")?;

    let mut helper = start_helper()?;
    until("it is as before", || is_grey(false))?;
    until("the name server", || Ok(answers()?.then_some(())))?;
    kill(Pid::from_raw(helper.id().try_into()?), Signal::SIGTERM)?;
    ensure!(helper.wait()?.success(), "the helper ends");
    Ok(())
}

/// Another one in place of the world's.
fn start_helper() -> Result<Child> {
    let mut command = Command::new(program()?.with_file_name("hawser"));
    command.args(["helper", "--socket"]).arg(std::env::var_os("HAWSER_SOCKET").context("the world's socket")?);
    command.args(["--resolv-conf", "/etc/resolv.conf", "--state-dir", "/run/hawser/state"]);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// A user whom only the world knows.
const USER: u32 = 4_000_000;
/// Where everybody reaches the programs.
const PROGRAMS: &str = "/run/hawser/programs";

#[test]
fn an_ordinary_user_is_let_in_as_soon_as_they_are_in_the_group() -> Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        let mut command = in_world("an_ordinary_user_is_let_in_as_soon_as_they_are_in_the_group")?;
        command.env("HAWSER_APP", Path::new(PROGRAMS).join("hawser-app")).env("HAWSER_TEST_PROGRAMS", folder()?);
        return passes(command);
    }
    fs::create_dir(PROGRAMS)?;
    mount(std::env::var_os("HAWSER_TEST_PROGRAMS").context("the programs")?.as_ref(), PROGRAMS)?;
    let mut groups = covered("/etc/group", &format!("tester:x:{USER}:\n"))?;
    covered("/etc/passwd", &format!("tester:x:{USER}:{USER}::/:/bin/sh\n"))?;
    let session = Session::at(Look::Light, Seat::here().as_user(USER, USER))?;
    let own = "mkdir -p ~/.config/hawser && cp -r /run/hawser/config/hawser/managers ~/.config/hawser/";
    ensure!(session.command("sh").args(["-ec", own]).status()?.success(), "the user's settings");
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    driver.says("Join the group hawser")?;

    writeln!(groups, "hawser:x:{}:tester", USER + 1)?;
    driver.press("Connect")?;
    // The helper tries. Each user has a key of their own, and the demo's manager knows another one's.
    driver.says("Disconnect")
}

#[test]
fn an_ordinary_user_has_a_demo_of_their_own() -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return connect_and_disconnect();
    }
    // Where they may run the programs and make devices, whatever they may on this machine.
    let open = tempfile::tempdir()?;
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755))?;
    let script = "mount --bind $1 $2; cd $2; mount -t tmpfs devices /dev/net; mknod -m 666 /dev/net/tun c 10 200
        exec setpriv --reuid $0 --regid $0 --clear-groups ./hawser demo --unconnected -- $3 $4 --exact --nocapture";
    let test = std::env::current_exe()?;
    let test = open.path().join(test.strip_prefix(folder()?).context("a test beside the programs")?);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script, &USER.to_string()]);
    command.args([folder()?.as_path(), open.path(), &test, "an_ordinary_user_has_a_demo_of_their_own".as_ref()]);
    command.env("HAWSER_APP", open.path().join("hawser-app")).env(INSIDE, "1");
    passes(command)
}

/// Mounts a copy with one more line over a file of the world's; the copy, open at its end.
fn covered(path: &str, line: &str) -> Result<File> {
    let copy = Path::new("/run/hawser").join(Path::new(path).file_name().context("a file")?);
    fs::copy(path, &copy)?;
    let mut file = File::options().append(true).open(&copy)?;
    file.write_all(line.as_bytes())?;
    mount(&copy, path)?;
    Ok(file)
}

fn mount(from: &Path, to: &str) -> Result<()> {
    ensure!(Command::new("mount").arg("--bind").arg(from).arg(to).status()?.success(), "{to} is covered");
    Ok(())
}

/// Runs a test in a world of the demo.
fn enter(test: &str) -> Result<()> {
    passes(in_world(test)?)
}

/// What it says is shown if it fails; else it would be counted as tests of its own.
fn passes(mut command: Command) -> Result<()> {
    let said = command.output()?;
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(said.status.success(), "{}{}", shown(&said.stdout), shown(&said.stderr));
    Ok(())
}

fn in_world(test: &str) -> Result<Command> {
    let hawser = folder()?.join("hawser");
    ensure!(hawser.is_file(), "there is no {}: build it with cargo build -p hawser", hawser.display());
    let mut command = Command::new(hawser);
    command.args(["demo", "--unconnected", "--"]).arg(std::env::current_exe()?);
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    Ok(command)
}

/// Where the programs are.
fn folder() -> Result<PathBuf> {
    Ok(program()?.parent().context("a folder")?.to_owned())
}

/// Whether the kernel sends what is for the cluster to Hawser's device.
fn routed() -> Result<bool> {
    let output = Command::new("ip").args(["route", "get", WEB]).output()?;
    Ok(String::from_utf8(output.stdout)?.contains("dev hawser"))
}

/// Whether a page is served under the cluster's name for it.
fn answers() -> Result<bool> {
    let output = Command::new("curl")
        .args(["-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "http://web/"])
        .output()?;
    Ok(output.stdout == b"200")
}
