//! UDP: borders of datagrams are kept, and a port with nobody behind it says so.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use hawser_sandbox::plan;

use super::Found;
use super::probe::trying;

/// Sizes up to the largest payload that IPv4 has room for.
const SIZES: [usize; 5] = [0, 1, 1_200, 9_000, 65_507];
/// A link may lose a datagram, and of a large one each fragment.
const ATTEMPTS: usize = 5;
/// Half a second, and what the slowest usual link takes.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn echo() -> Found {
    for address in plan::ECHO.addresses() {
        let socket = socket_to((address, plan::ECHO_PORT).into()).map_err(trying("making a socket"))?;
        for size in SIZES {
            let sent: Vec<u8> = (0..size).map(|index| (index * 7 + size) as u8).collect();
            echoed(&socket, &sent).map_err(trying(format_args!("{size} bytes to {address}")))?;
        }
    }
    Ok("0 to 65507 bytes came back as they were".to_owned())
}

pub(super) fn refused() -> Found {
    for address in plan::ECHO.addresses() {
        let socket = socket_to((address, plan::REFUSED_PORT).into()).map_err(trying("making a socket"))?;
        let answer = attempts(|| {
            socket.send(b"anybody?")?;
            socket.recv(&mut [0])
        });
        match answer {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(format!("{address} was silent: {error}")),
            Ok(_) => return Err(format!("{address} answered")),
        }
    }
    Ok(format!("port {} of {} refused", plan::REFUSED_PORT, plan::ECHO.name))
}

fn socket_to(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address.ip() {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn echoed(socket: &UdpSocket, sent: &[u8]) -> io::Result<()> {
    let mut received = vec![0; 65_536];
    attempts(|| {
        socket.send(sent)?;
        loop {
            let length = socket.recv(&mut received)?;
            // A late answer to an earlier attempt may have another size.
            if length == sent.len() {
                return if received[..length] == *sent { Ok(()) } else { Err(ErrorKind::InvalidData.into()) };
            }
        }
    })
}

fn attempts<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut last = attempt();
    for _ in 1..ATTEMPTS {
        match last {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => last = attempt(),
            other => return other,
        }
    }
    last
}
