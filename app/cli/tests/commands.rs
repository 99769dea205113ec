//! The program as its users and their scripts meet it, against a helper that plays a fixed part.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hawser_stub::{Ending, PIN, Stub};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Leads nowhere.
const KUBECONFIG: &str = "
current-context: dev
contexts: [{name: dev, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: tops3cret}}]
";

fn hawser(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hawser"));
    command.args(arguments).env("HAWSER_SOCKET", socket).env_remove("CLICOLOR_FORCE");
    // Whoever runs the tests may have a cluster.
    command.env("HOME", "/nowhere").env_remove("KUBECONFIG");
    command
}

fn run(socket: &Path, arguments: &[&str]) -> Output {
    hawser(socket, arguments).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn standalone_file(directory: &Path, name: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, format!("manager = \"203.0.113.7:7300\"\npin = \"{PIN}\"\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_a_helper_people_and_programs_get_the_same_fault() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("absent.sock");
    for command in ["status", "flows", "queries", "key"] {
        let output = run(&socket, &[command]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stdout(&output), "");
        let expected = format!(
            "error: The helper is not running\n  there is no socket {}\n  \
             fix: Start it with: sudo systemctl start hawser-helper\n  code: helper-unreachable\n",
            socket.display()
        );
        assert_eq!(stderr(&output), expected);

        let output = run(&socket, &[command, "--json"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stderr(&output), "");
        let fault: Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!(fault["error"]["code"], "helper-unreachable");
    }
    let output = run(&socket, &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(serde_json::from_str::<Value>(stdout(&output)).unwrap()["ok"], false);
}

#[test]
fn a_bad_file_is_refused_before_the_helper_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.toml");
    std::fs::write(&file, "manager = \"a:1\"\nspeed = 1\n").unwrap();
    let output = run(&directory.path().join("absent.sock"), &["connect", "--standalone", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("line 2: unknown field `speed`"), "{}", stderr(&output));
    assert!(stderr(&output).contains("code: config-malformed"));
}

#[test]
fn usage_errors_have_their_own_exit_code() {
    assert_eq!(run(Path::new("/nowhere"), &["sail"]).status.code(), Some(2));
    assert_eq!(run(Path::new("/nowhere"), &["connect", "somewhere"]).status.code(), Some(2));
}

#[test]
fn connect_tells_each_step_and_the_result() {
    let stub = Stub::start();
    let file = standalone_file(stub.directory(), "shop.toml");
    let output = run(stub.socket(), &["connect", "--standalone", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "dialling 203.0.113.7:7300\nsetting routes\n");
    assert!(stdout(&output).starts_with("shop connected in "), "{}", stdout(&output));
    assert!(stdout(&output).ends_with(": 10.96.0.0/16; *.demo.local\n"), "{}", stdout(&output));
}

#[test]
fn a_connection_that_fails_is_an_error() {
    let stub = Stub::start();
    let file = standalone_file(stub.directory(), "shop.toml");
    let output = run(stub.socket(), &["connect", "--standalone", &file, "--name", "wrong-key"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("\n  the manager shows sha256:ff\n"), "{}", stderr(&output));
    assert!(stderr(&output).ends_with("  code: pin-mismatch\n"), "{}", stderr(&output));
}

#[test]
fn disconnect_and_key_say_what_they_did() {
    let stub = Stub::start();
    assert_eq!(stdout(&run(stub.socket(), &["disconnect", "shop"])), "shop disconnected\n");
    let busy = Stub::in_cluster(Ending::Yes);
    assert_eq!(stdout(&run(busy.socket(), &["disconnect", "shop"])), "shop disconnected\nweb left\n");
    let output = run(stub.socket(), &["disconnect", "absent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("code: not-connected"));
    assert_eq!(stdout(&run(stub.socket(), &["key"])), format!("{PIN}\n"));
    let output = run(stub.socket(), &["key", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(stdout(&output)).unwrap(), json!({ "pin": PIN }));
}

#[test]
fn piped_status_has_no_colour_and_json_has_everything() {
    let stub = Stub::start();
    let output = run(stub.socket(), &["status"]);
    assert!(stdout(&output).starts_with("shop connected for "), "{}", stdout(&output));
    assert!(!stdout(&output).contains('\u{1b}'));
    let output = run(stub.socket(), &["status", "--json"]);
    let status: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(status["helper"], "hawser-helper 9.9.9");
    assert_eq!(status["connections"][0]["state"], "connected");
}

#[test]
fn a_piped_watch_prints_a_line_for_each_change() {
    let stub = Stub::start();
    let output = run(stub.socket(), &["status", "--watch"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "shop connected\nshop disconnecting\nshop gone\n");
    let output = run(stub.socket(), &["status", "--watch", "--json"]);
    let states: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(states.len(), 4, "traffic is news too for a program");

    let output = run(stub.socket(), &["flows", "--watch"]);
    let lines: Vec<_> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 2, "{}", stdout(&output));
    assert!(lines[0].starts_with("tcp ") && lines[0].ends_with(" web.demo.local 10.96.0.11:80 open"), "{}", lines[0]);
    assert!(lines[1].ends_with(" closed: both sides finished (78 B sent, 90 B received)"), "{}", lines[1]);
}

#[test]
fn names_are_told_with_who_answered() {
    let stub = Stub::start();
    let output = run(stub.socket(), &["queries", "--json"]);
    let queries: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        (&queries["queries"][0]["name"], queries["queries"].as_array().unwrap().len()),
        (&"web.demo.local".into(), 1)
    );
    assert!(stdout(&run(stub.socket(), &["queries"])).contains("web.demo.local"));
    let output = run(stub.socket(), &["queries", "--watch"]);
    let expected = "web.demo.local A answered by manager in 1.2 ms\n(7 more came too fast to be shown)\n\
                    nobody.demo.local A no such name by manager in 1.2 ms\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn flows_name_the_callers_own_process() {
    let stub = Stub::start();
    let output = run(stub.socket(), &["flows", "--json"]);
    let flows: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(flows["flows"][0]["process"]["pid"], std::process::id());
    assert!(stdout(&run(stub.socket(), &["flows"])).contains(&std::process::id().to_string()));
}

#[test]
fn doctor_fails_when_one_check_does() {
    let stub = Stub::start();
    let output = run(stub.socket(), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("pass  The helper answers you: it is hawser-helper 9.9.9\n"), "{text}");
    assert!(text.contains("fail  Helper and command line have the same version: "), "{text}");
    assert!(text.contains("warn  The stub is real: it is not\n      fix: Use the helper.\n"), "{text}");
}

#[test]
fn without_a_kubeconfig_a_standalone_connection_is_only_warned() {
    let stub = Stub::start();
    let kubeconfig = |arguments: &[&str]| {
        let report: Value = serde_json::from_str(stdout(&run(stub.socket(), arguments))).unwrap();
        let checks = report["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["title"] == "There is a kubeconfig").unwrap()
    };
    let check = kubeconfig(&["doctor", "--json"]);
    assert_eq!(check["outcome"], "warn");
    assert_eq!(check["reason"], "there is no file /nowhere/.kube/config");
    let check = kubeconfig(&["doctor", "--json", "--kubeconfig", "/nowhere/else"]);
    assert_eq!(check["outcome"], "fail", "whoever names one wants one");
    assert_ne!(check["fix"], Value::Null);
}

#[test]
fn gathered_logs_are_the_user_s_own_and_hold_no_secret() {
    let stub = Stub::start();
    let path = stub.directory().join("out.zip");
    let kubeconfig = stub.directory().join("config");
    std::fs::write(&kubeconfig, KUBECONFIG).unwrap();
    let arguments =
        ["logs", "gather", "--output", path.to_str().unwrap(), "--kubeconfig", kubeconfig.to_str().unwrap()];
    let output = run(stub.socket(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("helper.log"), "{}", stdout(&output));
    assert!(stdout(&output).contains("were taken out"), "{}", stdout(&output));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let mut texts = std::collections::BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        texts.insert(file.name().unwrap().into_owned(), text);
    }
    for name in
        ["README.txt", "doctor.json", "status.json", "flows.json", "versions.json", "helper.log", "kubeconfig.json"]
    {
        assert!(texts.contains_key(name), "{name}: {:?}", texts.keys());
    }
    let helper = "(3 lines before these are not remembered)\nINFO ready\nWARN password=[redacted]\n";
    assert_eq!(texts["helper.log"], helper);
    let names: Value = serde_json::from_str(&texts["kubeconfig.json"]).unwrap();
    assert_eq!(names, json!({ "files": [kubeconfig], "context": "dev", "manager_namespace": "hawser" }));
    for secret in ["hunter22", "tops3cret"] {
        assert!(texts.values().all(|text| !text.contains(secret)), "{secret}");
    }

    let again = run(stub.socket(), &arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("is there already"), "{}", stderr(&again));
}

#[test]
fn logs_are_gathered_without_a_helper_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.zip");
    let output = run(&directory.path().join("absent.sock"), &["logs", "gather", "-o", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("not there: helper.log: there is no socket"), "{}", stdout(&output));
    assert!(stdout(&output).contains("not there: manager/: there is no file"), "{}", stdout(&output));
}

#[test]
fn the_log_s_level_is_told_and_set() {
    let stub = Stub::start();
    assert_eq!(stdout(&run(stub.socket(), &["logs", "level"])), "normal\n");
    let set = run(stub.socket(), &["logs", "level", "debug"]);
    assert!(stdout(&set).starts_with("debug for ") && set.status.success(), "{}", stdout(&set));
    let absent = run(&stub.directory().join("absent.sock"), &["logs", "level"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(stderr(&absent).contains("helper-unreachable"), "{}", stderr(&absent));
}

#[test]
fn a_reader_that_leaves_ends_the_watch_quietly() {
    let stub = Stub::start_endless();
    let mut watch =
        hawser(stub.socket(), &["status", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(watch.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("shop "), "{first}");
    let output = watch.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn completions_and_manual_are_printed() {
    let nowhere = Path::new("/nowhere");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&run(nowhere, &["completions", shell])).contains("disconnect"), "{shell}");
    }
    assert!(stdout(&run(nowhere, &["man"])).contains(".TH hawser 1"));
}

#[test]
fn an_intercept_shows_no_value_and_writes_the_files() {
    let stub = Stub::in_cluster(Ending::Yes);
    let file = stub.directory().join("env");
    let arguments = ["intercept", "web", "--port", "1:http", "--env-file", file.to_str().unwrap()];
    let output = run(stub.socket(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "bringing an agent into the workload's pods\n");
    assert!(stdout(&output).starts_with("web intercepted in "), "{}", stdout(&output));
    for told in
        ["http -> 127.0.0.1:1\n", "web-0 (10.1.0.4)", "1 variable of app in web-0", "leave web", "Nobody listens"]
    {
        assert!(stdout(&output).contains(told), "{told} is not in {}", stdout(&output));
    }
    assert!(!stdout(&output).contains("tops3cret"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "TOKEN=tops3cret\n");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let output = run(stub.socket(), &[&arguments[..], &["--json"]].concat());
    let card: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(card["intercept"]["phase"], "active");
    assert_eq!(card["environment"]["variables"], 1);
    assert_eq!(card["warnings"][0]["code"], "local-port-silent");
    assert!(!stdout(&output).contains("tops3cret"));
}

#[test]
fn a_dry_run_says_what_would_change_and_asks_for_nothing() {
    let stub = Stub::in_cluster(Ending::Yes);
    let file = stub.directory().join("env");
    let arguments = ["intercept", "web", "--port", "1:http", "--dry-run", "--env-file", file.to_str().unwrap()];
    let output = run(stub.socket(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "Would restart web-0.\nHelm release web manages it.\n");
    assert!(!file.exists(), "nothing is written");
    let output = run(stub.socket(), &[&arguments[..], &["--json"]].concat());
    let preview: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(preview["will_restart"][0], "web-0");
}

#[test]
fn what_cannot_be_intercepted_is_said_before_anything_begins() {
    let stub = Stub::in_cluster(Ending::Yes);
    for (arguments, code) in [
        (&["intercept", "wob"][..], "workload-unknown"),
        (&["intercept", "web", "--port", "5353/udp"], "port-unknown"),
        (&["intercept", "web", "--until", "soon"], "bad-argument"),
        (&["intercept", "web", "--connection", "other"], "not-connected"),
        (&["intercept", "web", "--port", "9"], "local-port-taken"),
        (&["ingest", "web", "--env-json", "/nowhere/env"], "file-unwritable"),
        (&["leave", "absent"], "intercept-unknown"),
    ] {
        let output = run(stub.socket(), &[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let fault: Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!(fault["error"]["code"], code, "{arguments:?}");
    }
}

#[test]
fn a_command_has_the_environment_and_its_exit_code_is_ours() {
    let stub = Stub::in_cluster(Ending::Never);
    let script = "printf '<%s>' $TOKEN; test \"$PATH\" != /pod && exit 7";
    let output = run(stub.socket(), &["intercept", "web", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("<tops3cret>"), "{}", stdout(&output));
    let output = run(stub.socket(), &["intercept", "web", "--", "/nowhere/program"]);
    assert!(stderr(&output).contains("/nowhere/program cannot be run"), "{}", stderr(&output));
}

#[test]
fn a_command_ends_with_its_intercept() {
    let stub = Stub::in_cluster(Ending::Left);
    let output = run(stub.socket(), &["intercept", "web", "--", "sleep", "600"]);
    assert_eq!(output.status.code(), Some(128 + 15), "{}", stderr(&output));
}

#[test]
fn a_command_outlives_helpers_that_end() {
    // One after the other, each of which takes its connection down first.
    let stub = Stub::in_cluster(Ending::Yes);
    let output = run(stub.socket(), &["intercept", "web", "--", "sh", "-c", "sleep 1; exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert_eq!(stub.leaves(), 1);
}

#[test]
fn a_command_ends_by_a_signal_with_all_that_it_began() {
    let stub = Stub::in_cluster(Ending::Never);
    for signal in [Signal::SIGQUIT, Signal::SIGINT, Signal::SIGTERM] {
        let arguments = ["intercept", "web", "--", "sh", "-c", "sleep 600 & echo begun >&2; wait"];
        let output = told(&mut hawser(stub.socket(), &arguments), "begun\n", signal);
        // What was begun has its standard output too: it ends with the last one that has it.
        assert_eq!(output.status.code(), Some(128 + 15), "{signal}");
    }
    assert_eq!(stub.leaves(), 3);
}

#[test]
fn nothing_stays_for_a_command_that_never_began() {
    let stub = Stub::in_cluster(Ending::Stuck);
    for (signal, number) in [(Signal::SIGINT, 2), (Signal::SIGTERM, 15), (Signal::SIGHUP, 1)] {
        let mut command = hawser(stub.socket(), &["intercept", "web", "--port", "1:http", "--", "true"]);
        let output = told(&mut command, "bringing an agent into the workload's pods\n", signal);
        assert_eq!(output.status.code(), Some(128 + number), "{signal}");
    }
    assert_eq!(stub.leaves(), 3);
    let mut command = hawser(stub.socket(), &["intercept", "web", "--port", "1:http"]);
    let output = told(&mut command, "bringing an agent into the workload's pods\n", Signal::SIGINT);
    assert_eq!(stdout(&output), "Hawser goes on with web; end it with: hawser leave web\n");
    assert_eq!(stub.leaves(), 3);
}

/// Sends it this signal as soon as it has said `until` on its standard error, and waits until it has ended.
fn told(command: &mut Command, until: &str, signal: Signal) -> Output {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while line != until {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended before it said {until}");
    }
    nix::sys::signal::kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn leave_and_extend_say_what_they_did() {
    let stub = Stub::in_cluster(Ending::Yes);
    assert_eq!(stdout(&run(stub.socket(), &["leave", "--all"])), "web left\n");
    let output = run(stub.socket(), &["leave", "web", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(stdout(&output)).unwrap(), json!({ "left": ["web"] }));
    assert_eq!(stdout(&run(stub.socket(), &["extend", "web", "--until", "never"])), "web ends when it is left\n");
    let output = run(stub.socket(), &["extend", "web", "--until", "2h"]);
    assert!(stdout(&output).starts_with("web ends in 1 h 59 min"), "{}", stdout(&output));
}
