//! Whose socket is at the laptop's end of a flow: sock_diag(7).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};

use crate::limits;

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
    sockets: HashMap<(u8, SocketAddr, SocketAddr), Owner>,
}

impl Owners {
    /// Asks the kernel. Takes some ten milliseconds with 10,000 sockets and blocks meanwhile.
    ///
    /// # Errors
    /// Whatever the netlink socket says.
    pub fn read() -> io::Result<Self> {
        let mut owners = Self::default();
        for protocol in [IPPROTO_TCP, IPPROTO_UDP] {
            for family in [AF_INET, AF_INET6] {
                dump(family, protocol, |socket| owners.add(protocol, socket))?;
            }
        }
        Ok(owners)
    }

    /// The owner of a flow's local socket. UDP sockets need be neither connected nor bound to one address.
    pub fn of(&self, protocol: &str, local: SocketAddr, remote: SocketAddr) -> Option<Owner> {
        let exact = |protocol| self.sockets.get(&(protocol, local, remote)).copied();
        match protocol {
            "tcp" => exact(IPPROTO_TCP),
            "udp" => exact(IPPROTO_UDP).or_else(|| self.unconnected(local)),
            // Programs ask for names over either.
            "dns" => exact(IPPROTO_UDP).or_else(|| self.unconnected(local)).or_else(|| exact(IPPROTO_TCP)),
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
                .find_map(|none| self.sockets.get(&(IPPROTO_UDP, bound, SocketAddr::new(none, 0))).copied())
        })
    }

    fn add(&mut self, protocol: u8, socket: &InetResponse) {
        let id = &socket.header.socket_id;
        // Sockets without an inode are nobody's any more: TIME_WAIT and its like.
        if socket.header.inode == 0 || self.sockets.len() >= limits::SOCKETS_READ {
            return;
        }
        let local = SocketAddr::new(id.source_address.to_canonical(), id.source_port);
        let remote = SocketAddr::new(id.destination_address.to_canonical(), id.destination_port);
        let owner = Owner { uid: socket.header.uid, inode: socket.header.inode };
        self.sockets.insert((protocol, local, remote), owner);
    }
}

fn dump(family: u8, protocol: u8, mut found: impl FnMut(&InetResponse)) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&NetlinkAddr::new(0, 0))?;
    socket.send(&request(family, protocol), 0)?;

    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(io::Error::other)?;
            // Messages are aligned to four bytes (netlink(7)).
            let length = (message.header.length as usize).next_multiple_of(4).max(1).min(rest.len());
            rest = &rest[length..];
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(socket)) => found(&socket),
                NetlinkPayload::Done(_) => return Ok(()),
                // A kernel without IPv6 or without the diag module has nothing to tell.
                NetlinkPayload::Error(error) if is_absent(&error.to_io()) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EAFNOSUPPORT))
}

fn request(family: u8, protocol: u8) -> Vec<u8> {
    let mut states = StateFlags::all();
    states.remove(StateFlags::LISTEN | StateFlags::TIME_WAIT | StateFlags::SYN_RECV);
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let payload = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol,
        extensions: ExtensionFlags::empty(),
        states,
        socket_id: if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() },
    });
    let mut message = NetlinkMessage::new(header, payload.into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
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
    fn stranger_is_unknown() {
        let owners = Owners::read().unwrap();
        let (local, remote) = ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
        assert_eq!(owners.of("tcp", local, remote), None);
        assert_eq!(owners.of("echo", local, remote), None);
    }
}
