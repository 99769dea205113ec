//! The side of the waiting process: makes the namespaces, stays behind, forwards signals.

use std::{
    fs, io,
    io::IsTerminal,
    os::fd::OwnedFd,
    panic::{self, AssertUnwindSafe},
    process,
};

use nix::{
    errno::Errno,
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        signal::{SigSet, Signal, kill},
        signalfd::SignalFd,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, getegid, geteuid, getpgrp, getpid, pipe, read, tcsetpgrp, write},
};

use super::{Outcome, Plan, World, tuning};
use crate::SandboxError;

const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNS.union(CloneFlags::CLONE_NEWPID).union(CloneFlags::CLONE_NEWIPC);

/// What the waiting process passes on. A Ctrl-C reaches the world by itself, as both are in the terminal's group.
const FORWARDED: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// Makes a world, runs `inside` as its first process, and returns that function's exit code when all is gone.
///
/// The calling process may have one thread only: it moves to a user namespace of its own, and it is copied.
pub fn enter(plan: Plan, inside: impl FnOnce(Result<World, SandboxError>) -> u8) -> Result<u8, SandboxError> {
    tuning::raise_open_files();
    let signals = SigSet::from_iter(FORWARDED.into_iter().chain([Signal::SIGCHLD]));
    separate()?;
    let (alive_read, alive_write) = pipe().map_err(SandboxError::unsupported("no pipe could be made"))?;
    // From here on signals wait for the one who reads them, so that none is lost between the fork and the waiting.
    let previous = signals
        .thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK)
        .map_err(SandboxError::unsupported("signals cannot be blocked"))?;
    // SAFETY: this process has one thread, as the caller promised (and as `unshare` of a user namespace demands), so
    // no lock is held by a thread that the copy doesn't have.
    let result = match unsafe { fork() }.map_err(SandboxError::unsupported("no process could be made"))? {
        ForkResult::Child => {
            drop(alive_write);
            first_process(plan, alive_read, inside)
        }
        ForkResult::Parent { child } => {
            drop(alive_read);
            let code = attend(child, &signals, &alive_write);
            take_back_terminal();
            code
        }
    };
    let _ = previous.thread_set_mask();
    result
}

/// Process 1 of the world. Its end is the world's end.
fn first_process(plan: Plan, alive: OwnedFd, inside: impl FnOnce(Result<World, SandboxError>) -> u8) -> ! {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // Whoever died before the line above can't send a byte any more.
    if read(&alive, &mut [0]) != Ok(1) {
        process::exit(1);
    }
    drop(alive);
    let code = panic::catch_unwind(AssertUnwindSafe(|| inside(World::build(plan)))).unwrap_or(101);
    process::exit(code.into())
}

/// Waits for the world's end and passes signals on meanwhile.
fn attend(child: Pid, signals: &SigSet, alive: &OwnedFd) -> Result<u8, SandboxError> {
    let doubt = "the world's first process cannot be waited for";
    let queue = SignalFd::new(signals).map_err(SandboxError::unsupported(doubt))?;
    write(alive, &[1]).map_err(SandboxError::unsupported(doubt))?;
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {}
            Ok(status) => {
                if let Some(outcome) = Outcome::of(status) {
                    return Ok(outcome.code());
                }
            }
            Err(error) => return Err(SandboxError::unsupported(doubt)(error)),
        }
        match queue.read_signal() {
            Ok(Some(info)) => {
                let from_terminal = info.ssi_code == libc::SI_KERNEL;
                if let Ok(signal) = Signal::try_from(info.ssi_signo as i32)
                    && signal != Signal::SIGCHLD
                    && !from_terminal
                {
                    let _ = kill(child, signal);
                }
            }
            Ok(None) | Err(Errno::EINTR) => {}
            Err(error) => return Err(SandboxError::unsupported(doubt)(error)),
        }
    }
}

/// A shell in the world takes the terminal for its own process group and can't name ours to give it back.
fn take_back_terminal() {
    if io::stdin().is_terminal() {
        let _ = SigSet::from_iter([Signal::SIGTTOU]).thread_block();
        let _ = tcsetpgrp(io::stdin(), getpgrp());
    }
}

/// Moves this process to new user and mount namespaces; its children will be in a new pid namespace.
fn separate() -> Result<(), SandboxError> {
    let maps = IdMaps::read();
    let (ready_read, ready_write) = pipe().map_err(SandboxError::unsupported("no pipe could be made"))?;
    let target = getpid();
    // SAFETY: as in `enter`.
    match unsafe { fork() }.map_err(SandboxError::unsupported("no process could be made"))? {
        // Maps of more than one's own id can only be written by a process that stayed outside.
        ForkResult::Child => {
            drop(ready_write);
            let written = read(&ready_read, &mut [0]) != Ok(1) || maps.write(target).is_ok();
            process::exit(if written { 0 } else { 1 })
        }
        ForkResult::Parent { child: writer } => {
            drop(ready_read);
            let unshared = unshare(CloneFlags::CLONE_NEWUSER | NAMESPACES);
            if unshared.is_ok() {
                let _ = write(&ready_write, &[1]);
            }
            drop(ready_write);
            let mapped = matches!(waitpid(writer, None), Ok(WaitStatus::Exited(_, 0)));
            match unshared {
                Ok(()) if mapped => Ok(()),
                Ok(()) => Err(SandboxError::Unsupported {
                    what: "the ids of a user namespace cannot be mapped",
                    source: io::ErrorKind::PermissionDenied.into(),
                }),
                // Where user namespaces are switched off, root can do without.
                Err(_) if geteuid().is_root() => {
                    unshare(NAMESPACES).map_err(SandboxError::unsupported("no namespaces can be made"))
                }
                Err(error) => Err(SandboxError::unsupported("no user namespace can be made")(error)),
            }
        }
    }
}

/// Who is who in the new user namespace.
struct IdMaps {
    everybody: Option<(String, String)>,
    myself: (String, String),
}

impl IdMaps {
    fn read() -> Self {
        let identity = |path| fs::read_to_string(path).ok().map(|map| identity_of(&map));
        let everybody = identity("/proc/self/uid_map").zip(identity("/proc/self/gid_map"));
        Self {
            everybody: everybody.filter(|_| geteuid().is_root()),
            myself: (format!("0 {} 1\n", geteuid()), format!("0 {} 1\n", getegid())),
        }
    }

    /// Root keeps every id under its own number; anybody else becomes root and is alone.
    fn write(&self, target: Pid) -> io::Result<()> {
        let file = |name: &str| format!("/proc/{target}/{name}");
        if let Some((users, groups)) = &self.everybody
            && fs::write(file("uid_map"), users).is_ok()
        {
            return fs::write(file("gid_map"), groups);
        }
        fs::write(file("setgroups"), "deny")?;
        fs::write(file("uid_map"), &self.myself.0)?;
        fs::write(file("gid_map"), &self.myself.1)
    }
}

/// The same ids under the same numbers, for a map as in `user_namespaces(7)`.
fn identity_of(map: &str) -> String {
    map.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (inside, _, count) = (fields.next()?, fields.next()?, fields.next()?);
            Some(format!("{inside} {inside} {count}\n"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::identity_of;

    #[test]
    fn an_identity_map_names_the_ids_of_the_own_namespace() {
        assert_eq!(identity_of("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identity_of("0 1000 1\n1 100000 65536\n"), "0 0 1\n1 1 65536\n");
    }
}
