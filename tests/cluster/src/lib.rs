//! The product on a real Kubernetes: a laptop of the rig, with a helper on it, beside a cluster that has a manager.
//!
//! Every test runs `hawser` on the laptop as a developer would, and looks at what came of it. The rig is up and the manager
//! installed before the tests begin (`tests/cluster/test`); `HAWSER_CLUSTER` names the rig, `HAWSER_BIN` the program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod asking;
mod handlers;
pub mod kubeconfig;
mod managers;
mod place;
mod workload;

use std::fmt::Debug;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use asking::{Answered, Asking};
pub use handlers::{Handler, Kept};
pub use managers::{Managers, settle};
pub use place::Place;
pub use workload::{Plan, Workload, curl};

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Standard output, without the last line's end.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit code.
    pub code: i32,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Self { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code().unwrap_or(-1) }
    }
}

/// A laptop with a helper that runs. One test has it at a time.
pub struct Laptop {
    helper: Option<Child>,
    place: Place,
    /// Variables of the helper, as a shell takes them.
    variables: String,
}

impl Laptop {
    /// A helper that knows nothing yet.
    pub fn new() -> Self {
        Self::at(Place::First, "")
    }

    /// A helper that knows nothing yet, with these variables in its environment, as a shell takes them.
    pub fn with(variables: &str) -> Self {
        Self::at(Place::First, variables)
    }

    fn at(place: Place, variables: &str) -> Self {
        place.prepare();
        // One that a killed test left behind has changed the host.
        place.run(&format!(
            "pkill -KILL -f '[h]awser (helper|companion)'; {} helper --state-dir /run/hawser-state cleanup
             rm -rf /run/hawser /run/hawser-state; mkdir -p /run/hawser",
            program().display()
        ));
        let mut laptop = Self { helper: None, place, variables: variables.to_owned() };
        laptop.start_helper();
        laptop
    }

    /// A laptop that is connected with these arguments.
    pub fn connected(arguments: &str) -> Self {
        let laptop = Self::new();
        let said = laptop.hawser(&format!("connect {arguments}"));
        assert_eq!(said.code, 0, "{said:?}");
        laptop
    }

    /// A laptop of somebody who may connect, and intercept in the namespace `default`; nothing else.
    pub fn developer() -> Self {
        developers();
        Self::connected("")
    }

    /// The laptop of another user, who may do the same. To be made after the first, and let go before it.
    pub fn second() -> Self {
        let laptop = Self::at(Place::Second, "");
        laptop.ok("connect");
        laptop
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Starts the helper; the state directory is that of the one before.
    pub fn start_helper(&mut self) {
        let log = if self.place == Place::First { "log/helper.log" } else { "log/second.log" };
        let log = std::fs::File::options().create(true).append(true).open(state().join(log)).unwrap();
        let program = program();
        let mut words = vec!["env", "HAWSER_LOG=info"];
        words.extend(self.variables.split_whitespace());
        words.extend([program.to_str().unwrap(), "helper", "--state-dir", "/run/hawser-state"]);
        let helper = self.place.command(&words).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.helper = Some(helper);
        within(5, "the helper answers", || self.hawser("status").code == 0);
    }

    /// Kills the helper without warning.
    pub fn kill_helper(&mut self) {
        self.place.run("pkill -KILL -f '[h]awser helper'");
        self.helper.take().unwrap().wait().unwrap();
    }

    /// Runs `hawser` with these arguments.
    pub fn hawser(&self, arguments: &str) -> Said {
        self.hawser_with("", arguments)
    }

    /// The same with variables before it, as a shell takes them.
    pub fn hawser_with(&self, variables: &str, arguments: &str) -> Said {
        self.place.run(&format!("{variables} /usr/bin/timeout 90 {} {arguments}", program().display()))
    }

    /// The only connection, as `hawser status --json` shows it.
    pub fn status(&self) -> Value {
        let status: Value = serde_json::from_str(&self.hawser("status --json").out).unwrap();
        status["connections"][0].clone()
    }

    /// The state of the only connection.
    pub fn state(&self) -> String {
        self.status()["state"].as_str().unwrap_or("none").to_owned()
    }

    /// Runs `hawser`, which has to succeed.
    pub fn ok(&self, arguments: &str) -> Said {
        let said = self.hawser(arguments);
        assert_eq!(said.code, 0, "{arguments}: {said:?}");
        said
    }

    /// An intercept of the only connection, as `hawser status --json` shows it; null if there is none.
    pub fn intercept(&self, name: &str) -> Value {
        let status = self.status();
        let intercepts = status["intercepts"].as_array().cloned().unwrap_or_default();
        intercepts.into_iter().find(|intercept| intercept["name"] == name).unwrap_or_default()
    }

    /// The phase of an intercept; empty if there is none.
    pub fn phase(&self, name: &str) -> String {
        self.intercept(name)["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// The error that a command failed with.
    pub fn fault(&self, arguments: &str) -> Said {
        let said = self.hawser(arguments);
        assert_ne!(said.code, 0, "{arguments} did not fail: {said:?}");
        said
    }
}

impl Default for Laptop {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        self.hawser("disconnect");
        self.place.run("pkill -TERM -f '[h]awser helper'; pkill -TERM -f '[h]awser companion'");
        if let Some(mut helper) = self.helper.take() {
            let _ = helper.wait();
        }
    }
}

/// Lets developers intercept in the namespace `default`.
pub fn developers() {
    apply(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: hawser-developer, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hawser-developer}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: developers}]",
    );
}

/// Runs a shell command in the network of a pod of the namespace `default`, and gives what it printed.
pub fn in_pod(pod: &str, command: &str) -> String {
    let uid = kubectl(&format!("get pod -n default {pod} -o jsonpath={{.metadata.uid}}"));
    let said = on_node(&format!(
        "pid=$(grep -l -e {uid} -e {} /proc/[0-9]*/cgroup 2>/dev/null | head -1 | cut -d/ -f3); \
         nsenter --net=/proc/$pid/ns/net bash -c \"$(cat <<'END'\n{command}\nEND\n)\"",
        uid.replace('-', "_")
    ));
    assert_eq!(said.code, 0, "{command} in {pod}: {said:?}");
    said.out
}

/// Takes back what [`Laptop::developer`] gives for good.
pub fn no_developers() {
    kubectl("delete rolebinding hawser-developer -n default --ignore-not-found");
}

/// Runs `hawser` with these arguments on a laptop that needs no helper for it.
pub fn hawser(arguments: &str) -> Said {
    on_laptop(&format!("{} {arguments}", program().display()))
}

/// Runs a shell command on the laptop.
pub fn on_laptop(command: &str) -> Said {
    Place::First.run(command)
}

/// Starts a shell command on the laptop. The caller ends it.
pub fn start_on_laptop(command: &str) -> Child {
    Place::First.start(command)
}

/// Runs a shell command on the node; kubectl has all rights there.
pub fn on_node(command: &str) -> Said {
    enter("node").args(["bash", "-c", command]).output().unwrap().into()
}

/// Starts a shell command on the node. The caller ends it.
pub fn start_on_node(command: &str) -> Child {
    let mut enter = enter("node");
    enter.args(["bash", "-c", command]);
    enter.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Runs kubectl with all rights and says what it printed.
pub fn kubectl(arguments: &str) -> String {
    let said = on_node(&format!("kubectl {arguments}"));
    assert_eq!(said.code, 0, "kubectl {arguments}: {said:?}");
    said.out
}

/// Applies a manifest.
pub fn apply(manifest: &str) {
    kubectl(&format!("apply -f - <<'END'\n{manifest}\nEND"));
}

/// Gets a page on the laptop with curl; the body if it came.
pub fn get(url: &str) -> Option<String> {
    let said = on_laptop(&format!("curl --silent --show-error --fail --max-time 5 {url}"));
    (said.code == 0).then_some(said.out)
}

/// Asks for a page without a pause for some time; the longest time without an answer, in milliseconds.
pub fn longest_gap(url: &str, seconds: u32, during: impl FnOnce()) -> u128 {
    let url = url.to_owned();
    let asking = std::thread::spawn(move || {
        let said = on_laptop(&format!(
            "end=$((SECONDS + {seconds})); last=$(date +%s%N); longest=0
             while [ $SECONDS -lt $end ]; do
                 if curl --silent --max-time 1 --output /dev/null {url}; then
                     now=$(date +%s%N); gap=$((now - last)); last=$now
                     [ $gap -le $longest ] || longest=$gap
                 fi
                 sleep 0.02
             done
             now=$(date +%s%N); [ $((now - last)) -le $longest ] || longest=$((now - last)); echo $longest"
        ));
        said.out.parse::<u128>().unwrap() / 1_000_000
    });
    std::thread::sleep(Duration::from_secs(1));
    during();
    asking.join().unwrap()
}

/// DNS queries that all managers have had; a connected laptop reaches them.
pub fn queries() -> u64 {
    let pods = kubectl("get pods -n hawser -l app.kubernetes.io/name=hawser -o jsonpath={.items[*].status.podIP}");
    let count = |pod: &str| {
        let text = on_laptop(&format!("curl --silent http://{pod}:8081/metrics")).out;
        let line = text.lines().find_map(|line| line.strip_prefix("hawser_dns_queries_total ").map(str::to_owned));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    pods.split(' ').map(count).sum()
}

/// Runs another of the rig's scripts.
pub fn rig(script: &str, arguments: &[&str]) {
    let status = Command::new(here().join(script)).args(["--cluster", &cluster()]).args(arguments).status().unwrap();
    assert!(status.success(), "{script} {arguments:?}");
}

/// The link loses everything as long as this lives.
pub struct BlackHole;

impl BlackHole {
    /// From now on.
    pub fn now() -> Self {
        rig("link", &["black-hole"]);
        Self
    }
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        let healed = Command::new(here().join("link")).args(["--cluster", &cluster(), "heal"]).status();
        // The test may be panicking already.
        if !healed.is_ok_and(|status| status.success()) {
            eprintln!("the link is not healed");
        }
    }
}

/// Whether the cluster is only visited, so that a test is to be left out that needs something of the rig. Says so.
pub fn left_out_without(what: &str) -> bool {
    let visited = state().join("visited.yaml").exists();
    if visited {
        // Past the capture of what tests print.
        let _ = write!(std::io::stderr(), "left out, since it needs {what}: ");
    }
    visited
}

/// Waits for a condition with a deadline and says how long it took.
pub fn within(seconds: u64, what: &str, condition: impl FnMut() -> bool) -> Duration {
    becomes(seconds, what, &true, condition)
}

/// Waits with a deadline until something is as expected and says how long it took, or what it is instead.
pub fn becomes<T: PartialEq + Debug>(
    seconds: u64,
    what: &str,
    expected: &T,
    mut actual: impl FnMut() -> T,
) -> Duration {
    let began = Instant::now();
    loop {
        let is = actual();
        if is == *expected {
            return began.elapsed();
        }
        let in_time = began.elapsed() < Duration::from_secs(seconds);
        assert!(in_time, "not within {seconds} s: {what}: {is:?} instead of {expected:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn enter(place: &str) -> Command {
    let mut command = Command::new(here().join("enter"));
    command.args(["--cluster", &cluster(), place]);
    command
}

fn cluster() -> String {
    std::env::var("HAWSER_CLUSTER").unwrap_or_else(|_| "rig".to_owned())
}

/// Where the rig keeps its state.
pub fn state() -> PathBuf {
    PathBuf::from("/var/tmp/hawser-cluster").join(cluster())
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test.
pub fn program() -> PathBuf {
    match std::env::var_os("HAWSER_BIN") {
        Some(path) => path.into(),
        None => here().join("../../target/release/hawser"),
    }
}
