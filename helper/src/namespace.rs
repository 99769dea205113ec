//! Tests against a real kernel, in namespaces of their own.
//!
//! Each starts this program again inside `unshare(1)`, which makes its user root there; nothing outside is touched.

use std::process::Command;

const INSIDE: &str = "HAWSER_TEST_NAMESPACE";

/// Runs a test in fresh namespaces of these kinds (options of unshare(1)) beside one of users. `module` and `name` are the test's own.
pub fn in_namespaces(kinds: &[&str], module: &str, name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let (_, module) = module.split_once("::").unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .args(kinds)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{name}"), "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare (package util-linux) is needed for this test");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Runs a test in a fresh network.
pub fn in_network<F: Future<Output = ()>>(module: &str, name: &str, test: impl FnOnce() -> F) {
    in_namespaces(&["--net"], module, name, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test());
    });
}

/// A device such as connections have.
pub fn make_device(name: &str) -> tun::Device {
    let mut config = tun::Configuration::default();
    config.tun_name(name);
    tun::create(&config).expect("/dev/net/tun must be there and may be opened")
}

/// What iproute2 does and sees, which knows nothing of our code.
pub fn ip(args: &str) -> String {
    let output =
        Command::new("ip").args(args.split(' ')).output().expect("ip (package iproute2) is needed for this test");
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
