//! Which of the user's processes is behind a flow, and which are below another. The helper knows a socket's inode; only its user may see who holds it.

use std::collections::{HashMap, HashSet};

use hawser_ipc::proto::Flow;

use crate::platform;

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number in this pid namespace.
    pub pid: u32,
    /// Its short name, as `ps` shows it.
    pub name: String,
}

/// A process that another one has begun. Numbers are used again, so when it began is known too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descendant {
    /// Its number in this pid namespace.
    pub pid: u32,
    pub(crate) began: u64,
}

impl Descendant {
    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        platform::is_running(self)
    }
}

/// All processes below the one with this number.
pub fn descendants(of: u32) -> Vec<Descendant> {
    platform::descendants(of)
}

/// The user's processes behind listed flows. Kept from one listing to the next, it still knows the process of a flow
/// whose socket is closed.
#[derive(Debug, Default)]
pub struct Processes {
    known: HashMap<(String, u64), Process>,
}

impl Processes {
    /// Looks up the processes behind `flows`, in one scan, and forgets flows that aren't listed any more.
    pub fn look_up(&mut self, flows: &[Flow]) {
        let listed: HashMap<_, _> = flows.iter().map(|flow| (key(flow), flow.inode)).collect();
        self.known.retain(|key, _| listed.contains_key(key));

        let sought = listed.iter().filter(|(key, inode)| **inode != 0 && !self.known.contains_key(*key));
        let sought: Vec<_> = sought.map(|(key, inode)| (key.clone(), *inode)).collect();
        let owners = platform::owners_of(&sought.iter().map(|(_, inode)| *inode).collect::<HashSet<_>>());
        let found = sought.into_iter().filter_map(|(key, inode)| Some((key, owners.get(&inode)?.clone())));
        self.known.extend(found);
    }

    /// The process behind `flow`, unless it is somebody else's, out of sight, or was gone before it was looked up.
    pub fn of(&self, flow: &Flow) -> Option<&Process> {
        self.known.get(&key(flow))
    }
}

impl<'a> FromIterator<(&'a Flow, Process)> for Processes {
    fn from_iter<T: IntoIterator<Item = (&'a Flow, Process)>>(known: T) -> Self {
        Self { known: known.into_iter().map(|(flow, process)| (key(flow), process)).collect() }
    }
}

fn key(flow: &Flow) -> (String, u64) {
    (flow.connection.clone(), flow.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_closed_flow_keeps_its_process_until_it_is_unlisted() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let inode = nix::sys::stat::fstat(&socket).unwrap().st_ino;
        let open = Flow { connection: "demo".into(), id: 7, inode, ..Flow::default() };
        let closed = Flow { inode: 0, ..open.clone() };

        let mut processes = Processes::default();
        processes.look_up(std::slice::from_ref(&closed));
        assert_eq!(processes.of(&closed), None);
        processes.look_up(std::slice::from_ref(&open));
        drop(socket);
        processes.look_up(std::slice::from_ref(&closed));
        assert_eq!(processes.of(&closed).unwrap().pid, std::process::id());
        processes.look_up(&[]);
        assert_eq!(processes.of(&closed), None);
    }
}
