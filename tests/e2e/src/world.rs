//! One demo world under remote control.

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::probe::agent::{MARK, Reply, Request};
use crate::probe::ports;

/// How long a world may take from start to its first command.
const START: Duration = Duration::from_secs(40);
/// How long a command may take unless told otherwise.
const COMMAND: Duration = Duration::from_secs(60);
/// How long a world may take to clear up after itself.
const STOP: Duration = Duration::from_secs(15);

/// What kind of world to make.
#[derive(Clone, Debug)]
pub struct Options {
    /// Shell words that start the probe, such as `/path/to/probe`.
    pub probe: String,
    /// Plain routes in place of helper and manager.
    pub direct: bool,
    /// Commands to start in the cluster, beside the probe's servers.
    pub in_cluster: Vec<String>,
    /// Further arguments of `hawser demo`, such as `--delay 20`.
    pub link: Vec<String>,
}

impl Options {
    /// A world with helper and manager and nothing but the probe's servers and the demo's shop.
    pub fn new(probe: impl Into<String>) -> Options {
        Options { probe: probe.into(), direct: false, in_cluster: Vec::new(), link: Vec::new() }
    }

    /// Adds a command to start in the cluster.
    pub fn in_cluster(mut self, command: impl Into<String>) -> Options {
        self.in_cluster.push(command.into());
        self
    }
}

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit code; 124 when it ran out of time.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Output {
    /// Itself if the exit code is 0, otherwise an error that shows everything.
    pub fn ok(self) -> Result<Output> {
        ensure!(self.code == 0, "exit code {} after {:?}\n{}\n{}", self.code, self.took, self.stdout, self.stderr);
        Ok(self)
    }
}

/// A running demo. Dropping it ends the demo.
pub struct World {
    /// The cluster's address.
    pub ip: Ipv4Addr,
    /// The cluster's IPv6 address.
    pub ip6: Ipv6Addr,
    probe: String,
    demo: Child,
    input: Mutex<Option<ChildStdin>>,
    waiting: Arc<Mutex<Waiting>>,
    log: PathBuf,
    directory: tempfile::TempDir,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    replies: HashMap<u64, Sender<Reply>>,
    ended: bool,
}

/// A command that is still running.
pub struct Job<'w> {
    world: &'w World,
    id: u64,
    reply: Receiver<Reply>,
    limit: Duration,
}

impl World {
    /// Starts a demo and returns when its laptop takes commands and the probe's servers answer.
    pub fn start(options: &Options) -> Result<World> {
        let directory = tempfile::tempdir()?;
        // Servers that give up root (PostgreSQL, nginx) work in here too.
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o777))?;
        let log = directory.path().join("demo.log");
        let mut demo = demo_command(options, &log)?.spawn().context("starting hawser demo")?;
        let input = demo.stdin.take().context("the demo's input is piped")?;
        let output = demo.stdout.take().context("the demo's output is piped")?;
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (ready, greeting) = channel();
        std::thread::spawn({
            let waiting = waiting.clone();
            move || dispatch(output, &waiting, &ready)
        });
        let mut world = World {
            ip: Ipv4Addr::UNSPECIFIED,
            ip6: Ipv6Addr::UNSPECIFIED,
            probe: options.probe.clone(),
            demo,
            input: Mutex::new(Some(input)),
            waiting,
            log,
            directory,
        };
        let Ok(greeting) = greeting.recv_timeout(START) else {
            bail!("hawser demo was not ready within {START:?}:\n{}", world.log());
        };
        world.ip = address(&greeting, "ip")?;
        world.ip6 = address(&greeting, "ip6")?;
        world.wait_for(ports::ECHO).with_context(|| world.log())?;
        Ok(world)
    }

    /// Runs a shell command on the laptop to its end.
    pub fn run(&self, command: &str) -> Result<Output> {
        self.spawn(command, COMMAND)?.wait()
    }

    /// Runs a shell command that has to succeed and returns its output without the white space around it.
    pub fn read(&self, command: &str) -> Result<String> {
        let output = self.run(command)?.ok().with_context(|| format!("$ {command}\n{}", self.log()))?;
        Ok(output.stdout.trim().to_owned())
    }

    /// Runs the probe on the laptop and returns what it measured.
    pub fn probe(&self, arguments: &str) -> Result<Value> {
        self.probe_within(arguments, COMMAND)
    }

    /// Runs the probe on the laptop with a time limit of its own.
    pub fn probe_within(&self, arguments: &str, limit: Duration) -> Result<Value> {
        let command = format!("exec {} {arguments}", self.probe);
        let output = self.spawn(&command, limit)?.wait()?.ok().with_context(|| format!("probe {arguments}"))?;
        serde_json::from_str(&output.stdout).with_context(|| format!("probe {arguments} printed {:?}", output.stdout))
    }

    /// Starts a shell command on the laptop.
    pub fn spawn(&self, command: &str, limit: Duration) -> Result<Job<'_>> {
        let (sender, reply) = channel();
        let id = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            ensure!(!waiting.ended, "the demo has ended:\n{}", self.log());
            waiting.last += 1;
            let id = waiting.last;
            waiting.replies.insert(id, sender);
            id
        };
        self.send(&Request::Run { id, command: command.to_owned(), seconds: limit.as_secs().max(1) })?;
        Ok(Job { world: self, id, reply, limit })
    }

    /// Waits until the cluster's port takes connections.
    pub fn wait_for(&self, port: u16) -> Result<()> {
        self.probe(&format!("wait {}:{port}", self.ip)).map(drop)
    }

    /// Writes what `hawser connect` needs to know of this world's manager; returns its arguments.
    pub fn connect_arguments(&self) -> Result<String> {
        let hawser = hawser()?;
        let status: Value = serde_json::from_str(&self.read(&format!("{} status --json", hawser.display()))?)?;
        let connection = &status["connections"][0];
        let (name, target) = (connection["name"].as_str(), connection["target"].as_str());
        let (name, target) = name.zip(target).with_context(|| format!("no connection in {status}"))?;
        let manager = &self.probe("usage")?["manager"];
        let arguments = manager["arguments"].as_array().context("the manager has no arguments")?;
        let mut arguments = arguments.iter().filter_map(Value::as_str);
        arguments.find(|argument| *argument == "--standalone");
        let settings = arguments.next().context("the manager was started without --standalone")?;
        let enter = format!("nsenter --target {} --mount", manager["pid"]);
        let pin = self.read(&format!("{enter} {} manager key --standalone {settings}", hawser.display()))?;
        let file = self.directory.path().join("client.toml");
        std::fs::write(&file, format!("manager = {target:?}\npin = {pin:?}\n"))?;
        Ok(format!("--name {name} --standalone {}", file.display()))
    }

    /// A directory that laptop, cluster and test all see, and that goes with the world.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The command line that runs the probe.
    pub fn probe_command(&self) -> &str {
        &self.probe
    }

    /// The demo's process id.
    pub fn pid(&self) -> u32 {
        self.demo.id()
    }

    /// What the demo, helper and manager logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends the demo and returns its exit code.
    pub fn stop(mut self) -> Result<i32> {
        self.hang_up();
        let status = wait(&mut self.demo, STOP).with_context(|| self.log())?;
        Ok(status.code().unwrap_or(-1))
    }

    fn send(&self, request: &Request) -> Result<()> {
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let input = input.as_mut().context("the world was stopped")?;
        input.write_all(line.as_bytes()).with_context(|| format!("the demo has ended:\n{}", self.log()))
    }

    /// Without input the agent ends, and with it the demo.
    fn hang_up(&self) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.hang_up();
        if wait(&mut self.demo, STOP).is_err() {
            let _ = self.demo.kill();
            let _ = self.demo.wait();
        }
    }
}

impl Job<'_> {
    /// Waits for the command's end.
    pub fn wait(self) -> Result<Output> {
        match self.reply.recv_timeout(self.limit + Duration::from_secs(5)) {
            Ok(reply) => Ok(Output {
                code: reply.code,
                stdout: reply.stdout,
                stderr: reply.stderr,
                took: Duration::from_secs_f64(reply.seconds),
            }),
            Err(RecvTimeoutError::Timeout) => bail!("no end within {:?}\n{}", self.limit, self.world.log()),
            Err(RecvTimeoutError::Disconnected) => bail!("the demo ended meanwhile\n{}", self.world.log()),
        }
    }

    /// Whether the command still runs.
    pub fn end_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let waiting = self.world.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.ended || !waiting.replies.contains_key(&self.id) {
                return true;
            }
            drop(waiting);
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Ends the command, with everything that it started.
    pub fn kill(self) -> Result<Output> {
        self.world.send(&Request::Kill { id: self.id })?;
        self.wait()
    }
}

/// The program under test: `$HAWSER_BIN`, or the workspace's release build.
pub fn hawser() -> Result<PathBuf> {
    let path = match std::env::var_os("HAWSER_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the workspace's root")?;
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
            target.join("release/hawser")
        }
    };
    ensure!(path.exists(), "there is no {}: build it with cargo build --release --bin hawser", path.display());
    Ok(path)
}

fn demo_command(options: &Options, log: &Path) -> Result<Command> {
    let mut command = Command::new(hawser()?);
    command.arg("demo").args(&options.link);
    let servers = format!("exec {} serve", options.probe);
    for in_cluster in std::iter::once(&servers).chain(&options.in_cluster) {
        command.arg("--in-cluster").arg(in_cluster);
    }
    command.arg("--").arg("sh").arg("-c").arg(format!("exec {} agent", options.probe));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
    command
        .env_remove("RUST_BACKTRACE")
        .env_remove("HAWSER_DEMO_DIRECT")
        .env("TMPDIR", log.parent().context("the log's directory")?);
    if options.direct {
        command.env("HAWSER_DEMO_DIRECT", "1");
    }
    Ok(command)
}

/// Hands the agent's lines to whoever waits for them; other lines are the demo's own.
fn dispatch(output: ChildStdout, waiting: &Mutex<Waiting>, ready: &Sender<Value>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Some(message) = line.strip_prefix(MARK) else { continue };
        if let Ok(reply) = serde_json::from_str::<Reply>(message) {
            let sender = waiting.lock().unwrap_or_else(PoisonError::into_inner).replies.remove(&reply.id);
            if let Some(sender) = sender {
                let _ = sender.send(reply);
            }
        } else if let Ok(greeting) = serde_json::from_str(message) {
            let _ = ready.send(greeting);
        }
    }
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.ended = true;
    waiting.replies.clear();
}

fn address<A: std::str::FromStr>(greeting: &Value, key: &str) -> Result<A> {
    let text = greeting[key].as_str().unwrap_or_default();
    text.parse().ok().with_context(|| format!("the demo gave no {key} address but {text:?}"))
}

fn wait(child: &mut Child, limit: Duration) -> Result<std::process::ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ensure!(Instant::now() < deadline, "hawser demo did not end within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
