//! `hawser login` with a companion of its own, where there is no keyring.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hawser_stub::{Call, Live};

const KUBECONFIG: &str = "
current-context: dev
contexts: [{name: dev, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable}}}]
";
const PLUGIN: &str = r#"#!/bin/sh
echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "typed-in"}}'
"#;

struct Companion(Child);

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hawser(home: &Path, helper: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hawser"));
    command.args(arguments).current_dir(home).env("HOME", home).env("XDG_RUNTIME_DIR", home);
    command.env("HAWSER_SOCKET", helper).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    command.env_remove("XDG_STATE_HOME").env_remove("KUBECONFIG").stdin(Stdio::null());
    command
}

fn until(what: &str, met: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !met() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_typed_in_goes_to_the_companion_and_is_kept_where_only_the_user_reads_it() {
    let home = tempfile::tempdir().unwrap();
    let helper = Live::start();
    let (config, plugin) = (home.path().join("config"), home.path().join("plugin"));
    fs::write(&config, KUBECONFIG).unwrap();
    fs::write(&plugin, PLUGIN).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str]| hawser(home.path(), helper.socket(), arguments);
    let _companion = Companion(run(&["companion"]).spawn().unwrap());
    until("the companion listens", || home.path().join("hawser/companion.sock").exists());

    let said = run(&["login", "--kubeconfig", "config"]).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert_eq!(said.stdout, b"Logged in to dev.\n");
    assert!(helper.calls().iter().any(|call| matches!(call, Call::LoggedIn(request) if request.name == "dev")));
    let file = home.path().join(".local/state/hawser/secrets");
    until("it is kept", || fs::read_to_string(&file).is_ok_and(|text| text.contains("typed-in")));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let log = fs::read_to_string(home.path().join("hawser/companion.log")).unwrap();
    assert!(log.contains("a login of dev was handed over") && !log.contains("typed-in"), "{log}");
}
