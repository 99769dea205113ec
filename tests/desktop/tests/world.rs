//! The application with a real helper and a real manager, in the demo's world: connected and disconnected by clicking.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use hawser_desktop::{App, Driver, Look, Session, Watcher, program, until, within};

/// Is set inside of the world.
const INSIDE: &str = "HAWSER_TEST_INSIDE";
/// The demo's `web`.
const WEB: &str = "10.96.0.11";

#[test]
fn a_click_in_the_window_connects_and_another_one_disconnects() -> Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        return enter("a_click_in_the_window_connects_and_another_one_disconnects");
    }
    let resolver = fs::read("/etc/resolv.conf")?;
    let session = Session::start(Look::Light)?;
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    button(&driver, "Connect")?;
    until("the route", || Ok(routed()?.then_some(())))?;
    until("the name server", || Ok(answers()?.then_some(())))?;
    button(&driver, "Disconnect")?;
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

/// Runs a test in a world of the demo.
fn enter(test: &str) -> Result<()> {
    let hawser = program()?.with_file_name("hawser");
    ensure!(hawser.is_file(), "there is no {}: build it with cargo build -p hawser", hawser.display());
    let mut command = Command::new(hawser);
    command.args(["demo", "--unconnected", "--"]).arg(std::env::current_exe()?);
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    ensure!(command.status()?.success(), "see above");
    Ok(())
}

fn button(driver: &Driver, words: &str) -> Result<()> {
    driver.find_path(&format!("//button[normalize-space()='{words}' and not(@disabled)]"))?.click()
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
