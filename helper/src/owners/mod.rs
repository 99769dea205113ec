//! Whose socket is at the laptop's end of a flow: sock_diag(7).

mod sock_diag;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::limits;
use sock_diag::{Family, Found, Protocol};

/// Who holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// By which the socket's process is found in /proc.
    pub inode: u32,
}

/// The owners of all sockets at one moment.
#[derive(Debug, Default)]
pub struct Owners {
    sockets: HashMap<(Protocol, SocketAddr, SocketAddr), Owner>,
}

impl Owners {
    /// Asks the kernel. Takes some ten milliseconds with 10,000 sockets and blocks meanwhile.
    ///
    /// # Errors
    /// Whatever the netlink socket says.
    pub fn read() -> io::Result<Self> {
        let mut owners = Self::default();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            for family in [Family::V4, Family::V6] {
                sock_diag::dump(family, protocol, |socket| owners.add(protocol, socket))?;
            }
        }
        Ok(owners)
    }

    /// The owner of a flow's local socket. UDP sockets need be neither connected nor bound to one address.
    pub fn of(&self, protocol: &str, local: SocketAddr, remote: SocketAddr) -> Option<Owner> {
        let exact = |protocol| self.sockets.get(&(protocol, local, remote)).copied();
        match protocol {
            "tcp" => exact(Protocol::Tcp),
            "udp" => exact(Protocol::Udp).or_else(|| self.unconnected(local)),
            // Programs ask for names over either.
            "dns" => exact(Protocol::Udp).or_else(|| self.unconnected(local)).or_else(|| exact(Protocol::Tcp)),
            _ => None,
        }
    }

    fn unconnected(&self, local: SocketAddr) -> Option<Owner> {
        let any_v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let any_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        // A socket on :: also takes IPv4 (ipv6(7)).
        [local.ip(), any_v4, any_v6].into_iter().find_map(|address| {
            let bound = SocketAddr::new(address, local.port());
            [any_v4, any_v6]
                .into_iter()
                .find_map(|none| self.sockets.get(&(Protocol::Udp, bound, SocketAddr::new(none, 0))).copied())
        })
    }

    fn add(&mut self, protocol: Protocol, socket: Found) {
        // Sockets without an inode are nobody's any more: TIME_WAIT and its like.
        if socket.inode == 0 || self.sockets.len() >= limits::SOCKETS_READ {
            return;
        }
        let owner = Owner { uid: socket.uid, inode: socket.inode };
        self.sockets.insert((protocol, canonical(socket.local), canonical(socket.remote)), owner);
    }
}

/// The owner of the socket at one end of an exchange that goes on, asked of the kernel for it alone: some ten microseconds.
pub fn owner_of(protocol: &str, local: SocketAddr, remote: SocketAddr) -> Option<Owner> {
    let protocol = if protocol == "tcp" { Protocol::Tcp } else { Protocol::Udp };
    let found = sock_diag::one(protocol, local, remote).ok().flatten().filter(|found| found.inode != 0)?;
    Some(Owner { uid: found.uid, inode: found.inode })
}

/// IPv4 on an IPv6 socket as what it is on the wire.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn inode(socket: &impl std::os::fd::AsRawFd) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino()
    }

    #[test]
    fn own_sockets_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect("127.0.0.1:9").unwrap();
        let unconnected = UdpSocket::bind("0.0.0.0:0").unwrap();

        let owners = Owners::read().unwrap();
        let uid = nix::unistd::getuid().as_raw();
        let found = owners.of("tcp", stream.local_addr().unwrap(), stream.peer_addr().unwrap()).unwrap();
        assert_eq!((found.uid, u64::from(found.inode)), (uid, inode(&stream)));
        let remote = "127.0.0.1:9".parse().unwrap();
        let found = owners.of("udp", connected.local_addr().unwrap(), remote).unwrap();
        assert_eq!((found.uid, u64::from(found.inode)), (uid, inode(&connected)));
        let local = SocketAddr::new("198.18.0.1".parse().unwrap(), unconnected.local_addr().unwrap().port());
        let found = owners.of("udp", local, "10.96.0.10:53".parse().unwrap()).unwrap();
        assert_eq!(u64::from(found.inode), inode(&unconnected));
    }

    #[test]
    fn ipv4_on_an_ipv6_socket_is_found() {
        let listener = TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("::ffff:127.0.0.1", port)).unwrap();
        let local = SocketAddr::new("127.0.0.1".parse().unwrap(), stream.local_addr().unwrap().port());
        let owners = Owners::read().unwrap();
        let found = owners.of("tcp", local, SocketAddr::new("127.0.0.1".parse().unwrap(), port)).unwrap();
        assert_eq!(u64::from(found.inode), inode(&stream));
    }

    #[test]
    fn one_socket_is_found_by_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        assert_eq!(u64::from(owner_of("tcp", local, remote).unwrap().inode), inode(&stream));
        let server = "127.0.0.1:53".parse().unwrap();
        for (bound, asked) in [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "127.0.0.1")] {
            let socket = UdpSocket::bind(bound).unwrap();
            let local = SocketAddr::new(asked.parse().unwrap(), socket.local_addr().unwrap().port());
            assert_eq!(u64::from(owner_of("udp", local, server).unwrap().inode), inode(&socket), "{bound}");
            if bound == "127.0.0.1:0" {
                socket.connect(server).unwrap();
                assert_eq!(u64::from(owner_of("udp", local, server).unwrap().inode), inode(&socket), "connected");
            }
        }
        assert_eq!(owner_of("udp", "192.0.2.1:1".parse().unwrap(), server), None);
    }

    #[test]
    fn stranger_is_unknown() {
        let owners = Owners::read().unwrap();
        let (local, remote) = ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
        assert_eq!(owners.of("tcp", local, remote), None);
        assert_eq!(owners.of("echo", local, remote), None);
    }
}
