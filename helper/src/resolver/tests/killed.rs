//! SIGKILL at every step. A child does all that a connection does to the resolver, and is stopped at each system call that writes,
//! before it and after; the host has to be as it was after the next start.

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::*;
use crate::namespace::in_namespaces;

/// Runs this test again as root of namespaces of its own, where it may mount.
fn in_namespace(name: &str, test: impl FnOnce()) {
    in_namespaces(&["--mount"], module_path!(), name, test);
}

/// What the child does. It has one thread and never returns.
fn connect_and_disconnect(host: &Host) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let resolver = host.resolver();
        resolver.point(&id("a"), names("198.18.0.53"), &[]).await?;
        resolver.point(&id("b"), names("198.18.1.53"), &[id("a")]).await?;
        resolver.withdraw(&id("a")).await?;
        resolver.withdraw(&id("b")).await
    });
    // SAFETY: it takes no memory and never returns: neither destructors nor the test's harness have anything to do here.
    unsafe { libc::_exit(i32::from(done.is_err())) }
}

/// Whether a system call can change a file system.
fn writes(number: i64) -> bool {
    [
        libc::SYS_rename,
        libc::SYS_renameat2,
        libc::SYS_unlink,
        libc::SYS_unlinkat,
        libc::SYS_symlink,
        libc::SYS_symlinkat,
        libc::SYS_openat,
        libc::SYS_write,
        libc::SYS_fsync,
        libc::SYS_fchmod,
        libc::SYS_mkdir,
    ]
    .contains(&number)
}

/// Kills the child when it has stopped at such a call `stops` times. False if it came to its end before.
fn kill_at(host: &Host, stops: usize) -> bool {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    // SAFETY: the test runs with one thread in its own process, so the child inherits no lock that somebody else holds.
    let child = match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            ptrace::traceme().unwrap();
            nix::sys::signal::raise(Signal::SIGSTOP).unwrap();
            connect_and_disconnect(host)
        }
        ForkResult::Parent { child } => child,
    };
    waitpid(child, None).unwrap();
    ptrace::setoptions(child, ptrace::Options::PTRACE_O_TRACESYSGOOD).unwrap();
    let mut seen = 0;
    loop {
        ptrace::syscall(child, None).unwrap();
        match waitpid(child, Some(WaitPidFlag::__WALL)).unwrap() {
            WaitStatus::PtraceSyscall(_) if writes(number(child)) => {
                seen += 1;
                if seen == stops {
                    ptrace::kill(child).unwrap();
                    // A command that it has started goes on to its end.
                    while waitpid(None, None).is_ok() {}
                    return true;
                }
            }
            WaitStatus::Exited(_, 0) => return false,
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => panic!("the child failed"),
            _ => {}
        }
    }
}

fn number(child: Pid) -> i64 {
    ptrace::getregs(child).unwrap().orig_rax as i64
}

/// Everything in these directories, where they are there: names, what they are, and what is in them.
fn listing(dirs: &[PathBuf]) -> Vec<String> {
    let mut entries: Vec<String> = dirs
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .map(|entry| {
            let path = entry.unwrap().path();
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let link = std::fs::read_link(&path).ok();
            format!("{path:?} {:?} {link:?} {:?}", metadata.permissions(), std::fs::read(&path))
        })
        .collect();
    entries.sort();
    entries
}

/// Walks the kill through every step.
fn walk(host: &Host) {
    let places = ["etc", "run/resolvconf", "run/resolvconf/interface"].map(|place| host.dir.path().join(place));
    let before = listing(&places);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stops = 0;
    let mut more = true;
    while more {
        stops += 1;
        assert!(stops < 2_000, "the walk has an end");
        more = kill_at(host, stops);
        runtime.block_on(undo_all(&host.journal(), &host.places())).unwrap();
        assert_eq!(listing(&places), before, "killed at stop {stops}");
        assert_eq!(runtime.block_on(undo_all(&host.journal(), &host.places())), Ok(0));
    }
    assert!(stops > 60, "only {stops} steps: the child did not do its work");
}

#[test]
fn at_every_step_of_a_file() {
    in_namespace("at_every_step_of_a_file", || walk(&Host::new()));
}

#[test]
fn at_every_step_of_a_link() {
    in_namespace("at_every_step_of_a_link", || {
        let host = Host::new();
        std::fs::rename(host.file(), host.dir.path().join("stub")).unwrap();
        std::os::unix::fs::symlink("../stub", host.file()).unwrap();
        walk(&host);
    });
}

#[test]
fn at_every_step_of_a_record_of_resolvconf() {
    in_namespace("at_every_step_of_a_record_of_resolvconf", || {
        let host = Host::new();
        host.install_resolvconf();
        walk(&host);
    });
}

#[test]
fn at_every_step_of_a_mounted_file() {
    in_namespace("at_every_step_of_a_mounted_file", || {
        use nix::mount::{MsFlags, mount};
        let host = Host::new();
        let source = host.dir.path().join("mounted");
        std::fs::write(&source, FORMER).unwrap();
        mount(Some(&source), &host.file(), None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        walk(&host);
    });
}
