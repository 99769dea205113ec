//! What differs between systems, behind one signature.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "the application needs a tray, notifications and a file chooser of this system, which are written for Linux only"
);
