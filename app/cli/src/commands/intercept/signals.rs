//! What ends this program from outside.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use hawser_fault::{Code, Fault};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From its making on, none of them ends the program by itself.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    quit: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Fault> {
        let listen = |kind| {
            signal(kind).map_err(|error| Fault::new(Code::Internal, format!("signals cannot be received: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            quit: listen(SignalKind::quit())?,
        })
    }

    /// The next one, as what a shell reports for a program that it ended.
    pub(super) async fn next(&mut self) -> ExitCode {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            kind = others(&mut self.terminate, &mut self.hang_up, &mut self.quit) => kind,
        };
        ExitCode::from(u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX))
    }

    /// The next one that is not only the command's to deal with: Ctrl-C reaches the command too, by the terminal.
    pub(super) async fn next_beside_command(&mut self) {
        let by_terminal = io::stdin().is_terminal();
        tokio::select! {
            _ = self.interrupt.recv(), if !by_terminal => {}
            _ = others(&mut self.terminate, &mut self.hang_up, &mut self.quit) => {}
        }
    }
}

async fn others(terminate: &mut Signal, hang_up: &mut Signal, quit: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hang_up.recv() => SignalKind::hangup(),
        _ = quit.recv() => SignalKind::quit(),
    }
}
