//! Who listens on a port: `/proc/net/{tcp,udp}` and their IPv6 counterparts, proc_net(5).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The uids of the sockets that what goes to this address is given to. There are several only where they share it. Empty if
/// nobody listens or that can't be known.
pub(crate) fn listeners(address: SocketAddr, udp: bool) -> Vec<u32> {
    let protocol = if udp { "udp" } else { "tcp" };
    let tables =
        ["", "6"].map(|family| fs::read_to_string(format!("/proc/net/{protocol}{family}")).unwrap_or_default());
    nearest(tables.iter().flat_map(|table| table.lines()), address, udp)
}

/// A socket that something can come to.
pub(crate) struct Listening {
    pub(crate) local: SocketAddr,
    pub(crate) udp: bool,
    pub(crate) uid: u32,
    pub(crate) inode: u64,
}

/// All that are reached from this computer itself.
pub(crate) fn listening() -> Vec<Listening> {
    let mut found = Vec::new();
    for (table, udp) in [("tcp", false), ("tcp6", false), ("udp", true), ("udp6", true)] {
        let table = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        let open = state(udp);
        let sockets = table.lines().filter_map(|line| parse(line, open));
        let is_near = |socket: &Socket| socket.local.ip().is_unspecified() || socket.local.ip().is_loopback();
        let listening = |Socket { local, uid, inode }: Socket| Listening { local, udp, uid, inode };
        found.extend(sockets.filter(is_near).map(listening));
    }
    found
}

/// Of a socket that something can come to.
fn state(udp: bool) -> &'static str {
    if udp { "07" } else { "0A" }
}

fn nearest<'a>(table: impl Iterator<Item = &'a str>, address: SocketAddr, udp: bool) -> Vec<u32> {
    let sockets: Vec<Socket> = table.filter_map(|line| parse(line, state(udp))).collect();
    let wanted = address.ip().to_canonical();
    let (v4, v6) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
    // A socket of this very address goes before one of all; one of all IPv6 ones may stand for IPv4 too.
    let order: &[IpAddr] = if wanted.is_ipv4() { &[wanted, v4, v6] } else { &[wanted, v6] };
    let at = |ip: &IpAddr| -> Vec<u32> {
        let local = SocketAddr::new(*ip, address.port());
        sockets.iter().filter(|socket| socket.local == local).map(|socket| socket.uid).collect()
    };
    order.iter().map(at).find(|uids| !uids.is_empty()).unwrap_or_default()
}

struct Socket {
    local: SocketAddr,
    uid: u32,
    inode: u64,
}

/// A line of a socket in this state.
fn parse(line: &str, state: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != state {
        return None;
    }
    let (ip, port) = fields[1].split_once(':')?;
    let local = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some(Socket { local, uid: fields.get(7)?.parse().ok()?, inode: fields.get(9)?.parse().ok()? })
}

/// Words of 32 bits, each as a number of this machine.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(word(0)?.into()),
        32 => {
            let words: Vec<[u8; 4]> = [0, 8, 16, 24].into_iter().filter_map(word).collect();
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            Some(IpAddr::from(octets).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    fn line(ip: IpAddr, port: u16, state: &str, uid: u32) -> String {
        let bytes = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let word = |word: &[u8]| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap()));
        let hex: String = bytes.chunks(4).map(word).collect();
        format!(
            "   0: {hex}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  {uid}        0 1 1"
        )
    }

    #[test]
    fn the_nearest_socket_decides() {
        let [own, any, any6, mapped] = ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"].map(|ip| ip.parse().unwrap());
        let asked =
            |lines: &[String]| nearest(lines.iter().map(String::as_str), "127.0.0.1:80".parse().unwrap(), false);
        assert_eq!(asked(&[line(any6, 80, "0A", 3), line(any, 80, "0A", 2), line(own, 80, "0A", 1)]), [1]);
        assert_eq!(asked(&[line(any6, 80, "0A", 3), line(any, 80, "0A", 2)]), [2]);
        assert_eq!(asked(&[line(any6, 80, "0A", 3), line(mapped, 80, "0A", 4)]), [4]);
        assert_eq!(asked(&[line(any6, 80, "0A", 3), line(own, 81, "0A", 1), line(own, 80, "01", 1)]), [3]);
        assert_eq!(asked(&["  sl  local_address rem_address   st".to_owned(), String::new()]), [0; 0]);
    }

    #[test]
    fn finds_this_user_behind_its_sockets() {
        let own = nix::unistd::geteuid().as_raw();
        for ip in ["127.0.0.1:0", "0.0.0.0:0"] {
            let (tcp, udp) = (TcpListener::bind(ip).unwrap(), UdpSocket::bind(ip).unwrap());
            let at = |port: u16| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
            assert_eq!(listeners(at(tcp.local_addr().unwrap().port()), false), [own]);
            assert_eq!(listeners(at(udp.local_addr().unwrap().port()), true), [own]);
        }
    }
}
