//! The controller with a real helper and a real manager, in the demo's world.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recorder;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use hawser_controller::view::{ConnectionState, HelperState};
use hawser_controller::{Act, Screen, Shape, Surroundings};
use recorder::Stage;

/// Is set inside of the world.
const INSIDE: &str = "HAWSER_TEST_INSIDE";
/// The demo's `web`.
const WEB: &str = "10.96.0.11:80";

#[tokio::test]
async fn a_row_is_connected_used_and_disconnected_in_a_real_world() {
    if std::env::var_os(INSIDE).is_none() {
        return enter("a_row_is_connected_used_and_disconnected_in_a_real_world");
    }
    let home = tempfile::tempdir().unwrap();
    let surroundings = Surroundings::of_this_process(true).unwrap();
    let stage = Stage::in_surroundings(home, surroundings);
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let row =
        stage.until("the demo", |record| record.clusters()?.rows.into_iter().find(|row| row.name == "demo")).await;
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    stage.handle.act(Act::Connect { context: row.id }).await.unwrap();
    let shell = stage.until("on", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    assert_eq!((shell.heading.as_str(), shell.demo), ("demo connected", true));
    let row = stage
        .until("connected", |record| {
            record.clusters()?.rows.into_iter().find(|row| row.state == ConnectionState::Connected)
        })
        .await;
    assert!(!row.steps.is_empty() && row.steps.iter().all(|step| step.ended.is_some()), "{row:?}");

    stage.handle.act(Act::Show { screen: Screen::Traffic }).await.unwrap();
    let mut web = TcpStream::connect(WEB).unwrap();
    web.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    web.write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    web.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let own = std::process::id().to_string();
    let flow =
        stage.until("the flow", |record| record.traffic()?.rows.into_iter().find(|row| row.destination == WEB)).await;
    assert!(flow.process.contains(&own), "{flow:?}");
    drop(web);

    stage.handle.act(Act::Disconnect { connection: "demo".into() }).await.unwrap();
    stage.until("off", |record| record.shell().filter(|view| view.shape == Shape::Off)).await;
    let devices = std::fs::read_to_string("/proc/self/net/dev").unwrap();
    assert!(!devices.contains("hawser"), "{devices}");
}

/// Runs a test in a world of the demo.
fn enter(test: &str) {
    let own = std::env::current_exe().unwrap();
    // Beside the folder of the tests is that of the programs.
    let program: PathBuf = own.parent().unwrap().parent().unwrap().join("hawser");
    assert!(program.is_file(), "there is no {}; make it with: cargo build -p hawser", program.display());
    let mut command = Command::new(program);
    command.args(["demo", "--unconnected", "--"]).arg(own).args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    assert!(command.status().unwrap().success());
}
