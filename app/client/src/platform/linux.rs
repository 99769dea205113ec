//! Linux: processes and their sockets out of proc(5), name servers out of resolv.conf(5).

mod descendants;
mod listeners;
mod mounts;
mod watch;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Uid;

use crate::processes::Process;

pub(crate) use descendants::{descendants, is_running};
pub(crate) use listeners::{Listening, listeners, listening};
pub(crate) use mounts::{can_mount, mounts_from, unmount};
pub use watch::{Watch, Watched};

/// The processes of this user (for root: of everybody) that hold the sockets with these inodes.
///
/// One pass over `/proc`, which ends as soon as every socket has its process. What can't be read is left out: processes
/// end while this looks at them, and some hide their descriptors.
pub(crate) fn owners_of(sockets: &HashSet<u64>) -> HashMap<u64, Process> {
    let mut owners = HashMap::new();
    if sockets.is_empty() {
        return owners;
    }
    let user = Uid::effective();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let theirs = || entry.metadata().is_ok_and(|metadata| metadata.uid() == user.as_raw());
        if !user.is_root() && !theirs() {
            continue;
        }
        let held = held_sockets(&entry.path(), sockets);
        if held.is_empty() {
            continue;
        }
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        let process = Process { pid, name: name.trim_end().to_owned() };
        for socket in held {
            // A socket may be shared; its first holder by number is most often the parent, which opened it.
            owners.entry(socket).or_insert_with(|| process.clone());
        }
        if owners.len() == sockets.len() {
            break;
        }
    }
    owners
}

fn held_sockets(process: &Path, sockets: &HashSet<u64>) -> Vec<u64> {
    let links = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let inodes = links.filter_map(|link| socket_inode(fs::read_link(link.path()).ok()?.to_str()?));
    inodes.filter(|inode| sockets.contains(inode)).collect()
}

/// Takes the inode out of `socket:[12345]`.
fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The name servers that this process's resolver asks, in order.
pub(crate) fn name_servers() -> io::Result<Vec<IpAddr>> {
    Ok(parse_name_servers(&fs::read_to_string("/etc/resolv.conf")?))
}

fn parse_name_servers(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsFd;

    fn inode(socket: impl AsFd) -> u64 {
        nix::sys::stat::fstat(socket).unwrap().st_ino
    }

    #[test]
    fn finds_this_process_behind_its_sockets() {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let wanted = HashSet::from([inode(&tcp), inode(&udp), u64::MAX]);
        let owners = owners_of(&wanted);
        assert_eq!(owners.len(), 2);
        for socket in [inode(&tcp), inode(&udp)] {
            assert_eq!(owners[&socket].pid, std::process::id());
            assert!(!owners[&socket].name.is_empty());
        }
    }

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        let table = [
            ("socket:[12345]", Some(12345)),
            ("socket:[]", None),
            ("socket:[1", None),
            ("pipe:[12345]", None),
            ("/tmp/socket:[1]", None),
        ];
        for (link, expected) in table {
            assert_eq!(socket_inode(link), expected, "{link}");
        }
    }

    #[test]
    fn name_servers_are_taken_in_order() {
        let text = "# nameserver 1.1.1.1\nsearch a b\nnameserver 10.0.0.1\nnameserver\n\tnameserver fd00::1 # mine\nnameserver x\n";
        assert_eq!(parse_name_servers(text), ["10.0.0.1".parse::<IpAddr>().unwrap(), "fd00::1".parse().unwrap()]);
    }
}
