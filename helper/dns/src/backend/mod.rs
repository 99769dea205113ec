//! The ways to make the operating system ask us, one file each.

#[cfg(not(unix))]
compile_error!("only the resolv.conf back end is written yet, which is for Unix; this system needs one of its own");

pub mod resolv_conf;
