//! The command line: what it shows, and what it says to bad input.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{eventually, hawser, probe, read, state, status, world};
use hawser_e2e::World;
use hawser_e2e::probe::ports;
use serde_json::Value;

#[test]
fn status_tells_everything_about_the_connection() {
    let world = world();
    let connection = &status(&world)["connections"][0];
    assert_eq!(connection["state"], "connected", "{connection}");
    assert_eq!(connection["subnets"].as_array().unwrap().len(), 2, "{connection}");
    assert_eq!(connection["domains"][0], "demo.local", "{connection}");
    assert!(connection["manager"].as_str().unwrap().contains("hawser"), "{connection}");
    let plain = read(&world, &format!("{} status", hawser()));
    assert!(plain.contains("connected") && !plain.contains('\u{1b}'), "{plain}");
    let watched = world.run(&format!("timeout 1 {} status --json --watch", hawser())).unwrap();
    let first = watched.stdout.lines().next().unwrap_or_default();
    assert!(serde_json::from_str::<Value>(first).is_ok(), "{watched:?}");
}

#[test]
fn flows_name_the_process_and_why_they_ended() {
    let world = world();
    let target = format!("{}:{}", world.ip, ports::ECHO);
    let lingering =
        world.spawn(&format!("exec {} linger {target}", world.probe_command()), Duration::from_secs(30)).unwrap();
    let mine = || flow_to(&world, &target, "open");
    eventually("the open flow is listed", Duration::from_secs(5), || mine().is_some());
    let flow = mine().unwrap();
    assert_eq!(flow["protocol"], "tcp");
    assert_eq!(flow["process"]["name"], "probe", "{flow}");
    eventually("its bytes are counted", Duration::from_secs(5), || mine().unwrap()["sent_bytes"].as_u64() > Some(3));
    lingering.kill().unwrap();
    eventually("its end is told", Duration::from_secs(5), || {
        flow_to(&world, &target, "closed").is_some_and(|flow| flow["closed"].is_string())
    });
    read(&world, "curl -sS http://web/ -o /dev/null");
    let named = flow_to(&world, "10.96.0.11:80", "closed").or(flow_to(&world, "[fd00:96::11]:80", "closed"));
    assert!(named.unwrap()["name"].as_str().unwrap().starts_with("web."), "the name that was asked for");
    let refused = format!("{}:{}", world.ip, ports::CLOSED);
    probe(&world, &format!("refused {refused} --count 1"));
    let refused = flow_to(&world, &refused, "closed").unwrap();
    assert!(refused["closed"].as_str().unwrap().contains("refused"), "{refused}");
    assert!(read(&world, &format!("{} flows", hawser())).contains("web"));
}

#[test]
fn doctor_finds_nothing_wrong_in_a_healthy_world() {
    let world = world();
    let report: Value = serde_json::from_str(&read(&world, &format!("{} doctor --json", hawser()))).unwrap();
    assert_eq!(report["ok"], true, "{report:#}");
    assert!(report["checks"].as_array().unwrap().len() > 3, "{report:#}");
    let absent = world.run(&format!("HAWSER_SOCKET=/nonexistent {} doctor", hawser())).unwrap();
    assert_ne!(absent.code, 0, "{absent:?}");
}

#[test]
fn connecting_twice_is_a_no_op_and_otherwise_a_clear_error() {
    let world = world();
    let arguments = world.connect_arguments().unwrap();
    let started = Instant::now();
    read(&world, &format!("{} connect {arguments}", hawser()));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(status(&world)["connections"].as_array().unwrap().len(), 1);

    let file = world.directory().join("client.toml");
    let right = std::fs::read_to_string(&file).unwrap();
    let other = right.lines().map(other_pin).collect::<Vec<_>>().join("\n");
    std::fs::write(&file, other).unwrap();
    assert_code(&world, &format!("connect {arguments}"), "already-connected");
    assert_code(&world, &format!("connect --name other --standalone {}", file.display()), "pin-mismatch");
    assert_eq!(state(&world), "connected");
}

#[test]
fn a_connection_can_be_ended_and_made_again() {
    let world = world();
    let arguments = world.connect_arguments().unwrap();
    read(&world, &format!("{} disconnect", hawser()));
    assert_eq!(status(&world)["connections"].as_array().unwrap().len(), 0);
    assert_eq!(world.run("getent hosts web").unwrap().code, 2);
    assert!(!read(&world, "ip -o link").contains("hawser0"));
    assert!(!read(&world, "cat /etc/resolv.conf").contains("demo.local"));
    assert_code(&world, "disconnect", "not-connected");
    read(&world, &format!("{} connect {arguments}", hawser()));
    read(&world, "curl -sS --fail http://web/");
}

#[test]
fn bad_input_gets_a_code_and_a_fix() {
    let world = world();
    let file = |name: &str, text: &str| {
        let path = world.directory().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let pin = format!("sha256:{}", "ab".repeat(32));
    let cases = [
        (file("a.toml", "manager = "), "config-malformed"),
        (file("b.toml", "manager = \"127.0.0.1:1\"\npin = \"sha256:12\""), "key-malformed"),
        (file("c.toml", &format!("manager = \"127.0.0.1:1\"\npin = {pin:?}")), "manager-unreachable"),
        ("/nonexistent.toml".to_owned(), "file-unreadable"),
    ];
    for (path, code) in cases {
        assert_code(&world, &format!("connect --name bad --standalone {path}"), code);
    }
    assert_eq!(status(&world)["connections"].as_array().unwrap().len(), 1, "failed attempts leave nothing");
    let absent = world.run(&format!("HAWSER_SOCKET=/nonexistent {} status", hawser())).unwrap();
    assert!(absent.code == 1 && absent.stderr.contains("helper-unreachable"), "{absent:?}");

    let manager = |text: &str| format!("manager --standalone {}", file("manager.toml", text));
    assert_code(&world, &manager("listen = \"[::]:1\"\nsubnets = [\"10.96.0.1/16\"]"), "subnet-invalid");
    assert_code(&world, &manager("listen = 7"), "config-malformed");
    assert_code(
        &world,
        &manager("listen = \"[::]:1\"\nsubnets = [\"10.99.0.0/16\"]\nauthorised_keys = [\"sha256:x\"]"),
        "key-malformed",
    );
    let listener = world.spawn("exec socat TCP6-LISTEN:7399,fork /dev/null", Duration::from_secs(30)).unwrap();
    eventually("the port is taken", Duration::from_secs(5), || world.run("nc -z ::1 7399").unwrap().code == 0);
    assert_code(&world, &manager("listen = \"[::]:7399\"\nsubnets = [\"10.99.0.0/16\"]"), "listen-failed");
    listener.kill().unwrap();
}

#[test]
fn the_demo_s_exit_code_is_the_command_s() {
    let run = |arguments: &[&str]| Command::new(hawser()).arg("demo").args(arguments).output().unwrap();
    assert_eq!(run(&["--", "sh", "-c", "exit 7"]).status.code(), Some(7));
    let output = run(&["--in-cluster", "exec nc -l -p 4711 -c 'echo $HAWSER_DEMO_CLUSTER_IP'", "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let checklist = run(&[]);
    assert_eq!(checklist.status.code(), Some(0), "{}", String::from_utf8_lossy(&checklist.stdout));
    assert!(!String::from_utf8_lossy(&checklist.stdout).contains('\u{1b}'));
}

#[test]
fn completions_and_manual_page_are_there() {
    for arguments in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let output = Command::new(hawser()).args(arguments).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 500, "{arguments:?}: {output:?}");
    }
}

/// The newest flow to a destination in a state.
fn flow_to(world: &World, destination: &str, state: &str) -> Option<Value> {
    let list: Value = serde_json::from_str(&read(world, &format!("{} flows --json", hawser()))).unwrap();
    let flows = list["flows"].as_array().unwrap();
    flows.iter().find(|flow| flow["destination"] == destination && flow["state"] == state).cloned()
}

fn other_pin(line: &str) -> String {
    match line.strip_prefix("pin") {
        Some(_) => format!("pin = \"sha256:{}\"", "ab".repeat(32)),
        None => line.to_owned(),
    }
}

fn assert_code(world: &World, arguments: &str, code: &str) {
    let output = world.run(&format!("timeout 10 {} {arguments}", hawser())).unwrap();
    assert_eq!(output.code, 1, "{arguments}: {output:?}");
    assert!(output.stderr.contains(code) && output.stderr.contains("fix"), "{arguments}: {output:?}");
}
