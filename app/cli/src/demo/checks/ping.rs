//! ICMP echo over an unprivileged ping socket (`icmp(7)`), which needs no rights and no program.

use std::io::{self, ErrorKind, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hawser_sandbox::plan;
use socket2::{Domain, Protocol, Socket, Type};

use super::Found;
use super::probe::{SILENCE, list, trying};
use crate::output::units;

/// A link may lose an echo.
const ATTEMPTS: u16 = 5;
const PATIENCE: Duration = Duration::from_secs(1);
const PAYLOAD: &[u8] = b"is anybody there?";
/// Type and code, checksum, identifier and sequence number (RFC 792, RFC 4443).
const HEADER: usize = 8;

pub(super) fn answered() -> Found {
    let mut times = Vec::new();
    for address in plan::WEB.addresses() {
        let time = ping(address, ATTEMPTS, PATIENCE).map_err(trying(address))?;
        times.push(time.ok_or_else(|| format!("{address} did not answer"))?);
    }
    let slowest = times.into_iter().max().unwrap_or_default();
    let slowest = units::latency(slowest.as_micros().try_into().unwrap_or(u64::MAX));
    Ok(format!("{} answered within {slowest}", list(&plan::WEB.addresses().collect::<Vec<_>>())))
}

pub(super) fn unanswered() -> Found {
    let address = plan::SILENT.v4[0];
    match ping(address.into(), 1, SILENCE).map_err(trying(address))? {
        None => Ok(format!("nothing from {address}")),
        Some(_) => Err(format!("an answer for {address}, where nobody is")),
    }
}

/// The time until the answer to one of some attempts, if there is one.
fn ping(address: IpAddr, attempts: u16, patience: Duration) -> io::Result<Option<Duration>> {
    let (protocol, request) = match address {
        IpAddr::V4(_) => (Protocol::ICMPV4, 8),
        IpAddr::V6(_) => (Protocol::ICMPV6, 128),
    };
    let target = SocketAddr::new(address, 0);
    let mut socket = Socket::new(Domain::for_address(target), Type::DGRAM, Some(protocol))?;
    socket.set_read_timeout(Some(patience))?;
    socket.connect(&target.into())?;
    for sequence in 0..attempts {
        let [high, low] = sequence.to_be_bytes();
        // The kernel fills in checksum and identifier.
        let message = [&[request, 0, 0, 0, 0, 0, high, low], PAYLOAD].concat();
        let sent = Instant::now();
        socket.send(&message)?;
        let mut answer = [0; HEADER + PAYLOAD.len()];
        match socket.read(&mut answer) {
            Ok(length) if answer[6..length] == message[6..] => return Ok(Some(sent.elapsed())),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
