//! Whether the helper is on this computer, for when it doesn't answer.

use std::path::Path;

/// Where systemd looks for units, in its order (systemd.unit(5)).
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Whether there is a unit of it, or a socket that an earlier one has left.
pub fn is_installed(socket: &Path) -> bool {
    socket.symlink_metadata().is_ok() || UNITS.iter().any(|folder| Path::new(folder).join(UNIT).exists())
}

/// The helper's unit.
pub const UNIT: &str = "hawser-helper.service";
