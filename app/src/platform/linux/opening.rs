//! Showing a folder.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Opens a folder in the desktop's file manager. From any thread, at once.
pub(crate) fn open(folder: &Path) {
    let mut command = Command::new("xdg-open");
    command.arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    thread::spawn(move || match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => tracing::warn!(%status, "no program shows folders"),
        Err(error) => tracing::warn!(%error, "folders need xdg-open"),
    });
}
