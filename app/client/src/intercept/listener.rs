//! Whose program answers on this computer.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;

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

/// Whether a program listens there; `None` where it is another computer's.
pub fn listens(address: SocketAddr, udp: bool) -> Option<bool> {
    address.ip().to_canonical().is_loopback().then(|| !platform::listeners(address, udp).is_empty())
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
        assert_eq!(listens(address, false), Some(true));
        assert_eq!(listens("192.0.2.1:80".parse().unwrap(), false), None);
        drop(socket);
        assert_eq!(listens(address, false), Some(false));
    }
}
