//! The helper as systemd runs it: the socket that it is handed, what it tells, and what it ends with.
#![allow(clippy::unwrap_used, reason = "the whole file is tests")]

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(20);

/// A shell hands over its standard input as the first socket and becomes the helper, with the same process id.
const HAND_OVER: &str = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$; export LISTEN_FDS LISTEN_PID; exec \"$@\"";

fn helper(dir: &Path, socket: impl Into<OwnedFd>) -> Child {
    Command::new("sh")
        .args(["-c", HAND_OVER, "sh", "unshare", "--user", "--map-root-user", "--net", "--"])
        .arg(env!("CARGO_BIN_EXE_hawser-helper"))
        .arg("--socket")
        .arg(dir.join("absent/helper.sock"))
        .arg("--state-dir")
        .arg(dir.join("state"))
        .arg("--resolv-conf")
        .arg(dir.join("resolv.conf"))
        .env("NOTIFY_SOCKET", dir.join("notify"))
        // Long, for what nobody reads fills the socket's queue, at which the helper would wait.
        .env("WATCHDOG_USEC", "4000000")
        .stdin(Stdio::from(socket.into()))
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare (package util-linux) is needed for this test")
}

fn told(dir: &Path) -> UnixDatagram {
    let told = UnixDatagram::bind(dir.join("notify")).unwrap();
    told.set_read_timeout(Some(DEADLINE)).unwrap();
    told
}

/// Reads on until it was told this.
fn wait_for(told: &UnixDatagram, line: &str) {
    let mut message = [0; 512];
    loop {
        let length = told.recv(&mut message).unwrap_or_else(|error| panic!("never told {line}: {error}"));
        if String::from_utf8_lossy(&message[..length]).lines().any(|told| told == line) {
            return;
        }
    }
}

#[tokio::test]
async fn serves_the_socket_that_it_is_handed_and_tells_how_it_is() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("resolv.conf"), "nameserver 192.0.2.53\n").unwrap();
    let (told, socket) = (told(dir.path()), dir.path().join("socket"));
    let listener = UnixListener::bind(&socket).unwrap();
    let mut process = helper(dir.path(), listener.try_clone().unwrap());
    wait_for(&told, "READY=1");
    wait_for(&told, "STATUS=No connections");
    wait_for(&told, "WATCHDOG=1");

    let mut client = hawser_ipc::connect(&socket).await.unwrap();
    client.key(hawser_ipc::proto::KeyRequest {}).await.unwrap();
    assert!(!dir.path().join("absent").exists(), "it made a socket of its own");

    kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).unwrap();
    wait_for(&told, "STOPPING=1");
    assert!(process.wait().unwrap().success());
    assert!(socket.exists(), "systemd's socket is not the helper's to remove");
    // Who comes while it is restarted waits for the next one.
    UnixStream::connect(&socket).unwrap();
}

#[test]
fn what_is_no_listening_socket_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = helper(dir.path(), std::fs::File::open("/dev/null").unwrap()).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("listen-failed") && said.contains("systemd"), "{said}");
}

#[test]
fn state_of_a_newer_version_is_refused_for_good() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("state")).unwrap();
    std::fs::write(dir.path().join("state/format"), "4711\n").unwrap();
    let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
    let output = helper(dir.path(), listener).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // RestartPreventExitStatus of the unit.
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("state-newer") && said.contains("4711") && said.contains("fix: "), "{said}");
}
