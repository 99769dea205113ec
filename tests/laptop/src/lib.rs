//! The packages on a machine that boots: a Debian with systemd beside a cluster that has a manager.
//!
//! Every test boots a machine of its own, installs, and looks at what came of it as its user and as root. The cluster is up before
//! the tests begin and the packages are built (`tests/laptop/test`); `HAWSER_CLUSTER` names the cluster, `HAWSER_PACKAGES` the folder of packages.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod journey;
mod listing;
mod names;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hawser_cluster::{Said, within};
use serde_json::Value;

pub use journey::{reach, reaches_the_cluster};
pub use listing::Listing;
pub use names::{JVM, RESOLVERS, Resolver};

/// A machine that is up. One test has it at a time.
pub struct Laptop {
    _private: (),
}

impl Laptop {
    /// Boots a machine of a variant (`tests/laptop/variants`) on which nothing of ours is installed.
    pub fn boot(variant: &str) -> Self {
        let output = script("up").arg(variant).output().unwrap();
        assert!(output.status.success(), "{variant} does not boot: {:?}", Said::from(output));
        Self { _private: () }
    }

    /// Boots one on which the package is installed, for the user dev.
    pub fn installed(variant: &str) -> Self {
        let laptop = Self::boot(variant);
        laptop.install();
        laptop
    }

    /// Boots one on which the package is installed and connected.
    pub fn connected(variant: &str) -> Self {
        let laptop = Self::installed(variant);
        laptop.user("hawser connect");
        laptop
    }

    /// Takes the machine's power without a warning, and boots it again.
    pub fn lose_power(&self) {
        let output = script("up").arg("again").output().unwrap();
        assert!(output.status.success(), "it does not boot again: {:?}", Said::from(output));
    }

    /// Has everything of ours stand still without a network, as it does while a computer sleeps: time goes on without it.
    pub fn sleep(&self, asleep: Duration) {
        self.root("pkill -STOP hawser");
        plug(false);
        std::thread::sleep(asleep);
        plug(true);
        self.root("pkill -CONT hawser");
    }

    /// Kills the helper so that neither it nor systemd undoes anything, and nobody starts it again.
    pub fn kill_for_good(&self) {
        self.root(
            "set -e
             settings=/run/systemd/system/hawser-helper.service.d
             mkdir -p $settings
             printf '[Service]\\nExecCondition=/bin/false\\nExecStopPost=\\nRestart=no\\n' >$settings/killed.conf
             systemctl daemon-reload
             systemctl kill --kill-whom=main --signal=KILL hawser-helper.service
             systemctl stop hawser-helper.socket hawser-helper.service
             rm -r $settings
             systemctl daemon-reload
             systemctl reset-failed 'hawser-helper*'",
        );
    }

    /// Waits until nothing of ours runs.
    pub fn is_quiet(&self) {
        within(10, "no process is left", || self.as_root("pgrep -fl '[h]awser|[s]shfs'").out.is_empty());
    }

    /// Installs the package as dev does by sudo. Says what apt printed.
    pub fn install(&self) -> String {
        self.apt("install -y /packages/hawser_*.deb")
    }

    /// Runs apt-get as dev does by sudo. Says what it printed.
    pub fn apt(&self, arguments: &str) -> String {
        self.root(&format!("SUDO_USER=dev DEBIAN_FRONTEND=noninteractive apt-get {arguments} 2>&1"))
    }

    /// Runs a shell command as root.
    pub fn as_root(&self, command: &str) -> Said {
        enter("root", command).output().unwrap().into()
    }

    /// Runs a shell command in a session of dev's, who has no rights.
    pub fn as_user(&self, command: &str) -> Said {
        enter("dev", command).output().unwrap().into()
    }

    /// Runs a shell command in a session of another user's.
    pub fn as_other(&self, user: &str, command: &str) -> Said {
        enter(user, command).output().unwrap().into()
    }

    /// The output of a shell command that root runs, which has to succeed.
    pub fn root(&self, command: &str) -> String {
        succeed(command, self.as_root(command))
    }

    /// The output of a shell command that dev runs, which has to succeed.
    pub fn user(&self, command: &str) -> String {
        succeed(command, self.as_user(command))
    }

    /// Starts a shell command of dev's. The caller waits for it.
    pub fn start_as_user(&self, command: &str) -> Child {
        enter("dev", command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The only connection, as `hawser status --json` shows it to dev; null if there is none.
    pub fn status(&self) -> Value {
        let status: Value = serde_json::from_str(&self.as_user("hawser status --json").out).unwrap_or_default();
        status["connections"][0].clone()
    }

    /// Waits until the only connection stands.
    pub fn stands(&self, seconds: u64) {
        within(seconds, "the connection stands", || self.status()["state"] == "connected");
    }

    /// Makes a package of what is in /packages that is older by its version alone. Says where it is on the machine.
    pub fn older_package(&self) -> &'static str {
        self.root(
            "dpkg-deb --raw-extract /packages/hawser_*.deb /tmp/older
             sed -i 's/^Version: .*/&~older/' /tmp/older/DEBIAN/control
             dpkg-deb -Zgzip -z1 --build /tmp/older /tmp/hawser-older.deb && rm -r /tmp/older",
        );
        "/tmp/hawser-older.deb"
    }

    /// Answers HTTP on a port with the files of a folder in dev's home, as long as the machine runs.
    pub fn serve(&self, port: u16, folder: &str) {
        self.user(&format!("systemd-run --user --quiet busybox httpd -f -p {port} -h /home/dev/{folder}"));
        within(5, "the handler listens", || {
            self.as_user(&format!("curl --silent --output /dev/null localhost:{port}")).code == 0
        });
    }

    /// Asks for a page without a pause for some seconds; the longest time without an answer, in milliseconds.
    pub fn longest_pause(&self, url: &str, seconds: u32, during: impl FnOnce()) -> u64 {
        let asking = self.start_as_user(&format!(
            "end=$((SECONDS + {seconds})); last=$(date +%s%N); longest=0
             while [ $SECONDS -lt $end ]; do
                 curl --silent --max-time 1 --output /dev/null {url} && answered=1 || answered=0
                 now=$(date +%s%N); pause=$((now - last))
                 [ $pause -le $longest ] || longest=$pause
                 [ $answered = 0 ] || last=$now
                 sleep 0.02
             done
             echo $longest"
        ));
        std::thread::sleep(Duration::from_secs(1));
        during();
        let output = asking.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().unwrap() / 1_000_000
    }

    /// Gets a page with curl as dev; the body if it came.
    pub fn get(&self, url: &str) -> Option<String> {
        let said = self.as_user(&format!("curl --silent --show-error --fail --max-time 5 {url}"));
        (said.code == 0).then_some(said.out)
    }

    /// All that a package may change on a machine.
    pub fn listing(&self) -> Listing {
        Listing::of(self)
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.as_root("journalctl --no-pager --lines=60 --unit='hawser*'").out);
        }
        let _ = script("down").status();
    }
}

/// Cuts the machine's wire, or mends it.
pub fn plug(plugged: bool) {
    let net = format!("hawser-{}-laptop", cluster());
    let state = if plugged { "up" } else { "down" };
    let status = Command::new("ip").args(["-n", &net, "link", "set", "machine", state]).status().unwrap();
    assert!(status.success(), "the wire is not {state}");
}

fn succeed(command: &str, said: Said) -> String {
    assert_eq!(said.code, 0, "{command}: {said:?}");
    said.out
}

fn enter(who: &str, command: &str) -> Command {
    let mut enter = script("enter");
    enter.args([who, "/bin/bash", "-c", command]).stdin(Stdio::null());
    enter
}

fn script(name: &str) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name));
    command.args(["--cluster", &cluster()]);
    command
}

fn cluster() -> String {
    std::env::var("HAWSER_CLUSTER").unwrap_or_else(|_| "rig".to_owned())
}
