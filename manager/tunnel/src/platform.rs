//! What each operating system has in a way of its own, with the same signatures.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::Timer;

#[cfg(not(target_os = "linux"))]
compile_error!("the tunnel's timer is written for Linux alone so far: add a file beside platform/linux.rs");
