//! Plugins that hang, and what they leave behind.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hawser_fault::Code;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::kubeconfig::plugin::testing::{Bench, LIMIT, answering, exec};
use crate::kubeconfig::{Credential, Interaction};

/// Waits until the process whose number is in `file` is gone.
async fn is_gone(file: PathBuf) {
    let pid = Pid::from_raw(fs::read_to_string(file).unwrap().trim().parse().unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    let lives = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        kill(pid, None).is_ok() && !stat.contains(") Z ")
    };
    while lives() {
        assert!(Instant::now() < deadline, "{pid} still lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_hanging_plugin_is_killed_with_its_children() {
    let bench = Bench::new("echo asking >&2; trap '' TERM; sleep 600 & echo $! > child; wait; sleep 600");
    let limit = Duration::from_secs(1);
    let fault = bench.run(&exec("plugin"), limit).await.unwrap_err();
    assert_eq!(fault.code, Code::PluginTimedOut);
    assert!(fault.detail.contains("within 1s") && fault.detail.ends_with("it said: asking"), "{}", fault.detail);
    is_gone(bench.path("child")).await;
}

#[tokio::test]
async fn a_dropped_plugin_is_killed_with_its_children() {
    let bench = Bench::new("sleep 600 & echo $! > child.new; mv child.new child; wait");
    let exec = exec("plugin");
    let started = async {
        while !bench.path("child").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        result = bench.run(&exec, LIMIT) => panic!("{result:?}"),
        () = started => {}
    }
    is_gone(bench.path("child")).await;
}

#[tokio::test]
async fn a_child_that_holds_the_output_open_holds_nobody_up() {
    let bench = Bench::new(&format!("sleep 600 & echo $! > child\n{}", answering(&json!({ "token": "t" }))));
    let entry = exec("plugin");
    let credential = tokio::time::timeout(LIMIT, bench.run(&entry, LIMIT)).await;
    assert!(matches!(credential, Ok(Ok(Credential::Token { .. }))), "{credential:?}");
    // kubectl doesn't end it either: it may be the plugin's cache.
    let pid = Pid::from_raw(fs::read_to_string(bench.path("child")).unwrap().trim().parse().unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_plugin_that_closes_its_output_is_waited_for() {
    let fault =
        Bench::new("exec >&- 2>&-; sleep 600").run(&exec("plugin"), Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(fault.code, Code::PluginTimedOut);
}

#[tokio::test]
async fn a_plugin_at_the_terminal_has_a_limit_too() {
    let bench = Bench::new("exec sleep 600");
    let limit = Duration::from_millis(300);
    let entry = exec("plugin");
    let ran = bench.run_with("{server: 'https://a'}", &entry, Interaction::Terminal, limit);
    assert_eq!(ran.await.unwrap_err().code, Code::PluginTimedOut);
}
