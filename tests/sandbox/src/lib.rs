//! A private world to try Hawser in: a laptop, a cluster with a small shop of real services, and a link between them.
//!
//! Everything is made of user, mount, pid, IPC and network namespaces of one process tree. Nothing outside of them is
//! changed, and nothing survives the process that entered the world, however it ends.
//!
//! Read on in [`world`], which makes the namespaces; [`network`] puts addresses and routes in; [`link`] is the
//! user-space emulator of a slow link; [`shop`] holds the services; [`plan`] has every address and name.

#[cfg(not(target_os = "linux"))]
compile_error!("the sandbox is made of Linux namespaces and has no counterpart on this system yet");

mod error;
pub mod link;
pub mod network;
pub mod plan;
pub mod shop;
pub mod world;

pub use error::SandboxError;
