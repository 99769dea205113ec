//! Processes in the world, seen by process 1, which also inherits every orphan.

use std::{
    collections::HashMap,
    ffi::CString,
    fs::File,
    io,
    os::{fd::AsFd, unix::process::CommandExt},
    process::{self, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        prctl,
        signal::{SigSet, Signal, kill, killpg},
        signalfd::{SfdFlags, SignalFd},
        time::TimeSpec,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, setpgid},
};

use super::{Place, World};
use crate::SandboxError;

const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// A process of the world.
#[derive(Clone, Debug)]
pub struct Child {
    /// Its id as the world sees it.
    pub pid: i32,
    /// What it is, for people.
    pub name: String,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this code.
    Exited(u8),
    /// By a signal.
    Killed(Signal),
}

impl Outcome {
    pub(super) fn of(status: WaitStatus) -> Option<Self> {
        match status {
            WaitStatus::Exited(_, code) => Some(Self::Exited(code as u8)),
            WaitStatus::Signaled(_, signal, _) => Some(Self::Killed(signal)),
            _ => None,
        }
    }

    /// The exit code as a shell would give it.
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => 128 + signal as u8,
        }
    }
}

/// The signals of process 1 and the ends of its children.
pub(super) struct Children {
    signals: SignalFd,
    ended: HashMap<i32, Outcome>,
    interrupted: Option<Signal>,
}

impl Children {
    /// From here on signals wait to be read.
    pub(super) fn watch() -> Result<Self, SandboxError> {
        let watched = SigSet::from_iter(ENDING.into_iter().chain([Signal::SIGCHLD]));
        let refused = "signals cannot be watched";
        watched.thread_block().map_err(SandboxError::unsupported(refused))?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let signals = SignalFd::with_flags(&watched, flags).map_err(SandboxError::unsupported(refused))?;
        Ok(Self { signals, ended: HashMap::new(), interrupted: None })
    }

    /// Sleeps until a signal comes or time is up, then collects the dead. Returns what asked for the end.
    fn collect(&mut self, until: Option<Instant>) -> Option<Asked> {
        let timeout = until.map(|until| TimeSpec::from_duration(until.saturating_duration_since(Instant::now())));
        let _ = ppoll(&mut [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)], timeout, None);
        let mut asked = None;
        while let Ok(Some(info)) = self.signals.read_signal() {
            if let Ok(signal) = Signal::try_from(info.ssi_signo as i32)
                && signal != Signal::SIGCHLD
            {
                asked = Some(Asked { signal, by_terminal: info.ssi_code == libc::SI_KERNEL });
            }
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => break,
                Ok(status) => {
                    if let (Some(pid), Some(outcome)) = (status.pid(), Outcome::of(status)) {
                        self.ended.insert(pid.as_raw(), outcome);
                    }
                }
                Err(_) => {}
            }
        }
        asked
    }
}

struct Asked {
    signal: Signal,
    by_terminal: bool,
}

impl World {
    /// Starts a program in the background: no input, its output in a file below [`super::RUN_DIRECTORY`], in a process
    /// group of its own so that Ctrl-C leaves its end to us.
    pub fn start(&self, place: &Place, name: &str, mut command: Command) -> Result<Child, SandboxError> {
        let path = log_path(name);
        let log = File::create(&path).map_err(|source| SandboxError::File { path: path.clone(), source })?;
        let errors = log.try_clone().map_err(|source| SandboxError::File { path, source })?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        spawn(place, name, command)
    }

    /// Starts a program with our own input and output.
    pub fn start_attached(&self, place: &Place, name: &str, command: Command) -> Result<Child, SandboxError> {
        spawn(place, name, command)
    }

    /// Runs a function in a copy of this process; its result is the exit code.
    pub fn fork(&self, place: &Place, name: &str, run: impl FnOnce() -> u8) -> Result<Child, SandboxError> {
        self.copy(place, name, true, run)
    }

    /// The same in our own process group: Ctrl-C ends it.
    pub fn fork_attached(&self, place: &Place, name: &str, run: impl FnOnce() -> u8) -> Result<Child, SandboxError> {
        self.copy(place, name, false, run)
    }

    fn copy(&self, place: &Place, name: &str, apart: bool, run: impl FnOnce() -> u8) -> Result<Child, SandboxError> {
        // SAFETY: process 1 of the world has one thread: it came from a fork and starts no other.
        match unsafe { fork() }.map_err(SandboxError::unsupported("no process could be made"))? {
            ForkResult::Parent { child } => Ok(Child { pid: child.as_raw(), name: name.to_owned() }),
            ForkResult::Child => {
                if apart {
                    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                }
                let _ = SigSet::empty().thread_set_mask();
                // The copy has our arguments, so only this tells it apart in a list of processes.
                let _ = CString::new(format!("hawser-{name}")).map(|name| prctl::set_name(&name));
                process::exit(match place.go() {
                    Ok(()) => run().into(),
                    Err(_) => 1,
                })
            }
        }
    }

    /// Waits for the end of a process that has the user's attention. Signals go to it and leave the world standing.
    pub fn attend(&mut self, child: &Child) -> Outcome {
        loop {
            if let Some(outcome) = self.children.ended.remove(&child.pid) {
                return outcome;
            }
            if let Some(asked) = self.children.collect(None)
                && !asked.by_terminal
            {
                let _ = kill(Pid::from_raw(child.pid), asked.signal);
            }
        }
    }

    /// How the process ended, if it did.
    pub fn ended(&mut self, child: &Child) -> Option<Outcome> {
        self.children.collect(Some(Instant::now())).inspect(|asked| self.children.interrupted = Some(asked.signal));
        self.children.ended.get(&child.pid).copied()
    }

    /// Asks `condition` again and again until it has an answer or time is up; a signal ends the wait with an error.
    pub fn wait_for<T>(
        &mut self,
        deadline: Instant,
        mut condition: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<Option<T>, SandboxError> {
        loop {
            if let Some(signal) = self.children.interrupted.take() {
                return Err(SandboxError::Interrupted(signal));
            }
            if let Some(answer) = condition(self) {
                return Ok(Some(answer));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            let next_look = deadline.min(now + Duration::from_millis(2));
            if let Some(asked) = self.children.collect(Some(next_look)) {
                self.children.interrupted = Some(asked.signal);
            }
        }
    }

    /// Asks a background process and its group to end, and kills them if they don't within the patience.
    pub fn stop(&mut self, child: &Child, patience: Duration) -> Outcome {
        let group = Pid::from_raw(child.pid);
        let _ = killpg(group, Signal::SIGTERM);
        let deadline = Instant::now() + patience;
        while !self.children.ended.contains_key(&child.pid) && Instant::now() < deadline {
            self.children.collect(Some(deadline));
        }
        let _ = killpg(group, Signal::SIGKILL);
        loop {
            if let Some(outcome) = self.children.ended.remove(&child.pid) {
                return outcome;
            }
            self.children.collect(None);
        }
    }
}

/// Where the output of a background program goes.
pub fn log_path(name: &str) -> String {
    format!("{}/{name}.log", super::RUN_DIRECTORY)
}

fn spawn(place: &Place, name: &str, mut command: Command) -> Result<Child, SandboxError> {
    let refused = |source: io::Error| SandboxError::Start { program: name.to_owned(), source };
    let place = Place {
        name: place.name,
        network: place.network.try_clone().map_err(refused)?,
        mounts: place.mounts.try_clone().map_err(refused)?,
    };
    // SAFETY: the copy has one thread, as process 1 has, so nothing that it calls before the program starts can wait
    // for a lock that nobody will release.
    unsafe {
        command.pre_exec(move || {
            SigSet::empty().thread_set_mask()?;
            place.go()
        })
    };
    let child = command.spawn().map_err(refused)?;
    Ok(Child { pid: child.id() as i32, name: name.to_owned() })
}
