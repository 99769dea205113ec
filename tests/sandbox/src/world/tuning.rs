//! Limits that a storm of connections would hit. What may not be changed stays as it is, and so do the sizes of TCP's
//! buffers: over a long link they decide what a plain connection reaches, here as on anybody's machine.

use std::fs;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors a process: enough for 10,000 connections with both ends in one process.
const OPEN_FILES: u64 = 1 << 20;

/// Raises the limit of open files as far as it goes, for this process and those that it starts.
pub(super) fn raise_open_files() {
    if setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES).is_ok() {
        return;
    }
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Sets what belongs to the network namespace that the calling process is in.
pub(super) fn set_network_limits() {
    // The whole range where every group is mapped, else the one group that there is.
    if !set("ipv4/ping_group_range", "0 2147483647") {
        set("ipv4/ping_group_range", "0 0");
    }
    set("ipv4/ip_local_port_range", "1024 65535");
    set("core/somaxconn", "65535");
    set("ipv4/tcp_max_syn_backlog", "65535");
    // A router that doesn't forward says nothing where an address is unreachable.
    set("ipv4/ip_forward", "1");
    set("ipv6/conf/all/forwarding", "1");
}

fn set(name: &str, value: &str) -> bool {
    fs::write(format!("/proc/sys/net/{name}"), value).is_ok()
}
