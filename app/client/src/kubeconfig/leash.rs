//! Ending programs that aren't ours, with what they started.

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::Child;

/// Kills a program that hasn't been waited for when this is dropped.
pub(super) struct Leash {
    pid: Option<Pid>,
    whole_group: bool,
}

impl Leash {
    /// Of a child; with its whole group if it leads one.
    pub(super) fn of(child: &Child, whole_group: bool) -> Self {
        Self { pid: child.id().map(|number| Pid::from_raw(number.cast_signed())), whole_group }
    }

    /// It has been waited for: from now on its number may be another program's.
    pub(super) fn release(&mut self) {
        self.pid = None;
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let Some(pid) = self.pid else { return };
        // It may have ended by itself in this very moment.
        let _ = if self.whole_group { killpg(pid, Signal::SIGKILL) } else { kill(pid, Signal::SIGKILL) };
    }
}
