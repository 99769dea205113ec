//! What each operating system does in its own way. Every platform offers the same signatures.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Listening, can_mount, descendants, is_running, listeners, listening, mounts_from, name_servers, owners_of, unmount,
};
#[cfg(target_os = "linux")]
pub use linux::{Watch, Watched};

#[cfg(not(target_os = "linux"))]
compile_error!("hawser-client knows only Linux so far: write src/platform/ for this system");
