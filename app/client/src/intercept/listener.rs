//! Whose program answers on this computer.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};

use nix::unistd::{Uid, User};

use crate::platform;
use crate::processes::Process;

/// A port on which one of the user's programs listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// UDP, else TCP.
    pub udp: bool,
    /// The program; `None` if it hides.
    pub process: Option<Process>,
}

/// The other user, by name or else by uid, whose program would be given what goes to this address. Root's are nobody's harm.
/// Where nothing can be known, nobody.
pub fn stranger(address: SocketAddr, udp: bool) -> Option<String> {
    let own = nix::unistd::geteuid().as_raw();
    let owner = platform::listeners(address, udp).into_iter().find(|owner| ![own, 0].contains(owner))?;
    let name = User::from_uid(Uid::from_raw(owner)).ok().flatten().map(|user| user.name);
    Some(name.unwrap_or_else(|| format!("uid {owner}")))
}

/// Where programs listen for what comes from this computer, at one moment.
pub struct Heard(Vec<platform::Listening>);

impl Heard {
    /// Now.
    pub fn now() -> Self {
        Self(platform::listening())
    }

    /// Whether a program listens there; `None` where it is another computer's.
    pub fn at(&self, address: SocketAddr, udp: bool) -> Option<bool> {
        let wanted = address.ip().to_canonical();
        // A socket of all IPv6 addresses may stand for IPv4 too.
        let is_heard = |ip: IpAddr| ip == wanted || ip.is_unspecified() && (ip.is_ipv6() || wanted.is_ipv4());
        let mut of_port = self.0.iter().filter(|socket| socket.udp == udp && socket.local.port() == address.port());
        wanted.is_loopback().then(|| of_port.any(|socket| is_heard(socket.local.ip())))
    }
}

/// Where the user's programs listen for what comes from this computer, in the order of ports. UDP sockets that only ask others
/// are among them: they can't be told apart.
pub fn listeners() -> Vec<Listener> {
    let own = nix::unistd::geteuid().as_raw();
    let sockets: Vec<_> = platform::listening().into_iter().filter(|socket| socket.uid == own).collect();
    let owners = platform::owners_of(&sockets.iter().map(|socket| socket.inode).collect::<HashSet<_>>());
    let listener = |socket: &platform::Listening| Listener {
        port: socket.local.port(),
        udp: socket.udp,
        process: owners.get(&socket.inode).cloned(),
    };
    // One of each program, whichever addresses it listens on.
    sockets.iter().map(listener).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_program_is_found_behind_its_port() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let found = listeners();
        let own = found.iter().find(|listener| listener.port == address.port() && !listener.udp).unwrap();
        assert_eq!(own.process.as_ref().unwrap().pid, std::process::id());
        let heard = Heard::now();
        assert_eq!(heard.at(address, false), Some(true));
        assert_eq!(heard.at(address, true), Some(false));
        assert_eq!(heard.at("192.0.2.1:80".parse().unwrap(), false), None);
        drop(socket);
        assert_eq!(Heard::now().at(address, false), Some(false));
    }

    #[test]
    fn a_socket_of_all_addresses_is_heard() {
        let (any, six) = (TcpListener::bind("0.0.0.0:0").unwrap(), TcpListener::bind("[::1]:0").unwrap());
        let heard = Heard::now();
        let [any, six] = [&any, &six].map(|socket| socket.local_addr().unwrap().port());
        let at = |ip: &str, port: u16| heard.at(SocketAddr::new(ip.parse().unwrap(), port), false);
        assert_eq!((at("127.0.0.1", any), at("127.0.0.9", any), at("::1", any)), (Some(true), Some(true), Some(false)));
        assert_eq!((at("127.0.0.1", six), at("::1", six)), (Some(false), Some(true)));
    }
}
