//! Asking the kernel for its sockets: sock_diag(7), `linux/inet_diag.h`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
/// `struct inet_diag_msg`.
const ANSWER: usize = 72;

/// Every state but those without a process behind them: bits are the numbers of `net/tcp_states.h`, here SYN_RECV (3),
/// TIME_WAIT (6) and LISTEN (10), and 12, which is SYN_RECV again.
const STATES: u32 = 0xfff & !(1 << 3 | 1 << 6 | 1 << 10);

/// Which sockets to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Protocol {
    Tcp = 6,
    Udp = 17,
}

/// Which sockets to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    V4 = libc::AF_INET as u8,
    V6 = libc::AF_INET6 as u8,
}

/// One socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub uid: u32,
    pub inode: u32,
}

/// Calls `found` for each socket.
pub fn dump(family: Family, protocol: Protocol, mut found: impl FnMut(Found)) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&NetlinkAddr::new(0, 0))?;
    socket.send(&request(family, protocol), 0)?;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while let Some((message, following)) = split(rest) {
            rest = following;
            match message {
                Message::Socket(socket) => found(socket),
                Message::Done => return Ok(()),
                // A kernel without IPv6 or without the diag module has nothing to tell.
                Message::Error(libc::ENOENT | libc::EAFNOSUPPORT) => return Ok(()),
                Message::Error(errno) => return Err(io::Error::from_raw_os_error(errno)),
                Message::Other => {}
            }
        }
    }
}

/// The socket at one end of an exchange, if there is one.
pub fn one(protocol: Protocol, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Found>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&NetlinkAddr::new(0, 0))?;
    socket.send(&question(protocol, local, remote), 0)?;
    let (datagram, _) = socket.recv_from_full()?;
    match split(&datagram) {
        Some((Message::Socket(found), _)) => Ok(Some(found)),
        Some((Message::Error(errno), _)) if errno != libc::ENOENT => Err(io::Error::from_raw_os_error(errno)),
        _ => Ok(None),
    }
}

fn question(protocol: Protocol, local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { Family::V4 } else { Family::V6 };
    // For UDP the kernel takes the two ends for each other (`udp_dump_one` in `net/ipv4/udp_diag.c`).
    let (source, destination) = if protocol == Protocol::Tcp { (local, remote) } else { (remote, local) };
    let mut bytes = request(family, protocol);
    bytes[6..8].copy_from_slice(&(libc::NLM_F_REQUEST as u16).to_ne_bytes());
    let id = &mut bytes[HEADER + 8..];
    id[..2].copy_from_slice(&source.port().to_be_bytes());
    id[2..4].copy_from_slice(&destination.port().to_be_bytes());
    for (at, address) in [(4, source.ip()), (20, destination.ip())] {
        match address {
            IpAddr::V4(address) => id[at..at + 4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => id[at..at + 16].copy_from_slice(&address.octets()),
        }
    }
    // INET_DIAG_NOCOOKIE: whichever socket has these ends.
    id[40..].fill(0xff);
    bytes
}

fn request(family: Family, protocol: Protocol) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + REQUEST);
    bytes.extend_from_slice(&((HEADER + REQUEST) as u32).to_ne_bytes());
    bytes.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend_from_slice(&((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    bytes.resize(HEADER, 0);
    bytes.extend_from_slice(&[family as u8, protocol as u8, 0, 0]);
    bytes.extend_from_slice(&STATES.to_ne_bytes());
    // No address, no port: all of them.
    bytes.resize(HEADER + REQUEST, 0);
    bytes
}

#[derive(Debug, PartialEq)]
enum Message {
    Socket(Found),
    Done,
    Error(i32),
    Other,
}

/// Takes the first message off; `None` at the end, and where what follows is not one.
fn split(bytes: &[u8]) -> Option<(Message, &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let payload = bytes.get(HEADER..length)?;
    let message = match i32::from(kind) {
        libc::NLMSG_DONE => Message::Done,
        libc::NLMSG_ERROR => Message::Error(-i32::from_ne_bytes(*payload.first_chunk()?)),
        _ if kind == SOCK_DIAG_BY_FAMILY => parse(payload).map_or(Message::Other, Message::Socket),
        _ => Message::Other,
    };
    // Messages are aligned to four bytes (netlink(7)).
    Some((message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn parse(payload: &[u8]) -> Option<Found> {
    let payload: &[u8; ANSWER] = payload.first_chunk()?;
    let number = |at: usize| u32::from_ne_bytes([payload[at], payload[at + 1], payload[at + 2], payload[at + 3]]);
    let port = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    let address = |at: usize| {
        let bytes: [u8; 16] = payload[at..at + 16].try_into().expect("a slice of 16 bytes");
        match payload[0] {
            family if family == Family::V4 as u8 => IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
            _ => IpAddr::V6(Ipv6Addr::from(bytes)),
        }
    };
    Some(Found {
        local: SocketAddr::new(address(8), port(4)),
        remote: SocketAddr::new(address(24), port(6)),
        uid: number(64),
        inode: number(68),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + payload.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn answer() -> Vec<u8> {
        let mut payload = vec![0; ANSWER];
        payload[0] = libc::AF_INET as u8;
        payload[4..8].copy_from_slice(&[0x9c, 0x40, 0, 80]);
        payload[8..12].copy_from_slice(&[198, 18, 0, 1]);
        payload[24..28].copy_from_slice(&[10, 96, 0, 11]);
        payload[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
        payload[68..72].copy_from_slice(&4711_u32.to_ne_bytes());
        payload
    }

    #[test]
    fn messages_one_after_the_other() {
        let bytes = [message(SOCK_DIAG_BY_FAMILY, &answer()), message(3, &[0; 3]), message(2, &(-2_i32).to_ne_bytes())];
        let bytes = bytes.concat();
        let (first, rest) = split(&bytes).unwrap();
        let expected = Found {
            local: "198.18.0.1:40000".parse().unwrap(),
            remote: "10.96.0.11:80".parse().unwrap(),
            uid: 1000,
            inode: 4711,
        };
        assert_eq!(first, Message::Socket(expected));
        let (second, rest) = split(rest).unwrap();
        assert_eq!(second, Message::Done);
        let (third, rest) = split(rest).unwrap();
        assert_eq!(third, Message::Error(2));
        assert_eq!(split(rest), None);
    }

    #[test]
    fn cut_and_lying_messages_end_the_list() {
        let whole = message(SOCK_DIAG_BY_FAMILY, &answer());
        for length in 0..whole.len() {
            assert_eq!(split(&whole[..length]), None, "{length}");
        }
        for claimed in [0_u32, 4, 15, u32::MAX] {
            let mut lying = whole.clone();
            lying[..4].copy_from_slice(&claimed.to_ne_bytes());
            assert_eq!(split(&lying), None, "{claimed}");
        }
        assert_eq!(split(&message(SOCK_DIAG_BY_FAMILY, &answer()[..40])).unwrap().0, Message::Other);
    }
}
