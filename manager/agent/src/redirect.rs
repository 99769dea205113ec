//! Ports that the kernel hands over: what comes to the app's port from outside the pod goes to the agent's.
//!
//! One table of nftables with a chain of destination translation, written over netlink as one transaction. What the pod itself
//! sends to the port is not touched, so the agent reaches the app. Source of the numbers: linux/netfilter/nf_tables.h.

mod message;

use std::fmt;
use std::io;
use std::os::fd::AsRawFd as _;
use std::str::FromStr;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::TimeVal;

use message::{Batch, nested, number, text, value};

const TABLE: &str = "hawser";
const CHAIN: &str = "redirect";
/// NF_INET_PRE_ROUTING and NF_IP_PRI_NAT_DST.
const HOOK: (u32, i32) = (0, -100);

/// `tcp:FROM:TO` or `udp:FROM:TO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    protocol: u8,
    from: u16,
    to: u16,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("{text:?} is not tcp:FROM:TO or udp:FROM:TO");
        let mut parts = text.split(':');
        let protocol = match parts.next() {
            Some("tcp") => libc::IPPROTO_TCP,
            Some("udp") => libc::IPPROTO_UDP,
            _ => return Err(malformed()),
        };
        let mut port = || parts.next().and_then(|port| port.parse().ok()).ok_or_else(malformed);
        let rule = Self { protocol: protocol as u8, from: port()?, to: port()? };
        if parts.next().is_some() { Err(malformed()) } else { Ok(rule) }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if i32::from(self.protocol) == libc::IPPROTO_TCP { "tcp" } else { "udp" };
        write!(f, "{protocol}:{}:{}", self.from, self.to)
    }
}

/// Puts these rules in the place of those that a former run has left.
pub fn apply(rules: &[Rule]) -> io::Result<()> {
    let mut batch = Batch::new();
    let table = text(1, TABLE);
    // To delete what is not there is an error: it is made first.
    batch.add(message::NEW_TABLE, &table);
    batch.add(message::DELETE_TABLE, &table);
    batch.add(message::NEW_TABLE, &table);
    let hook = [number(1, HOOK.0), number(2, HOOK.1 as u32)].concat();
    batch.add(message::NEW_CHAIN, &[text(1, TABLE), text(3, CHAIN), nested(4, &hook), text(7, "nat")].concat());
    for rule in rules {
        batch.add(message::NEW_RULE, &[text(1, TABLE), text(2, CHAIN), nested(4, &expressions(rule))].concat());
    }
    transact(&batch.end())
}

/// The protocol is this one, the destination port that one: to the agent's.
fn expressions(rule: &Rule) -> Vec<u8> {
    const REGISTER: u32 = 1;
    const L4PROTO: u32 = 16;
    const TRANSPORT_HEADER: u32 = 2;
    let is = |wanted: &[u8]| [number(1, REGISTER), number(2, 0), nested(3, &value(wanted))].concat();
    let port = [number(1, REGISTER), number(2, TRANSPORT_HEADER), number(3, 2), number(4, 2)].concat();
    [
        expression("meta", &[number(1, REGISTER), number(2, L4PROTO)].concat()),
        expression("cmp", &is(&[rule.protocol])),
        expression("payload", &port),
        expression("cmp", &is(&rule.from.to_be_bytes())),
        expression("immediate", &[number(1, REGISTER), nested(2, &value(&rule.to.to_be_bytes()))].concat()),
        expression("redir", &number(1, REGISTER)),
    ]
    .concat()
}

fn expression(name: &str, data: &[u8]) -> Vec<u8> {
    nested(1, &[text(1, name), nested(2, data)].concat())
}

/// Sends the batch; every message of it is answered, and all of them count or none.
fn transact(batch: &[u8]) -> io::Result<()> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)?;
    bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    setsockopt(&netlink, sockopt::ReceiveTimeout, &TimeVal::new(5, 0))?;
    send(netlink.as_raw_fd(), batch, MsgFlags::empty())?;
    let mut answered = 0;
    let mut buffer = vec![0; 64 * 1024];
    while answered < message::count(batch) {
        let length = recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        for error in message::errors(&buffer[..length]) {
            if error != 0 {
                return Err(io::Error::from_raw_os_error(-error));
            }
            answered += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in ["tcp:8080:7400", "udp:53:7401"] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        for text in ["", "tcp", "tcp:1", "tcp:1:70000", "sctp:1:2", "tcp:1:2:3"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }
}
