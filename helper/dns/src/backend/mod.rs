//! The ways to make the operating system ask us, one file each, and which of them is right here.

#[cfg(not(unix))]
compile_error!("only back ends for Linux are written yet; this system needs one of its own");

pub mod choice;
pub mod resolv_conf;
pub mod resolvconf;
pub mod resolved;
