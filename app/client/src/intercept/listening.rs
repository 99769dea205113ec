//! Whether somebody listens where traffic is about to go, and who.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptPort, InterceptState};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stranger;

/// How long a handler may take to accept.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sees to it that traffic does not go to another user's program. Of other computers that isn't known.
///
/// # Errors
/// `local-port-taken`.
pub async fn refuse_strangers(address: &str, ports: &[InterceptPort]) -> Result<(), Fault> {
    for (port, handler) in handlers(address, ports) {
        if !handler.ip().to_canonical().is_loopback() {
            continue;
        }
        let Some(owner) = stranger(handler, port.udp) else { continue };
        // A socket of all IPv6 addresses need not be one of IPv4.
        if !port.udp && connect(handler).await.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            continue;
        }
        let detail = format!("a program of {owner} listens on {handler}, where {} would go", port.port);
        let protocol = if port.udp { "/udp" } else { "" };
        let fix = format!("Choose another local port with: --port LOCAL:{}{protocol}", port.port);
        return Err(Fault::new(Code::LocalPortTaken, detail).with_fix(fix));
    }
    Ok(())
}

/// Local ports on which nobody takes connections, as `local-port-silent`. Of UDP that can't be told.
pub async fn silent(state: &InterceptState) -> Vec<Fault> {
    let mut warnings = Vec::new();
    for (port, handler) in handlers(&state.address, &state.ports).filter(|(port, _)| !port.udp) {
        let Err(why) = connect(handler).await else { continue };
        let detail =
            format!("{handler}, which {} of {} goes to, takes no connection: {why}", port.port, state.workload);
        let fix = format!("Start your program on port {}; nothing has to be done here then.", handler.port());
        warnings.push(Fault::new(Code::LocalPortSilent, detail).with_fix(fix));
    }
    warnings
}

fn handlers<'a>(
    address: &str,
    ports: &'a [InterceptPort],
) -> impl Iterator<Item = (&'a InterceptPort, SocketAddr)> + use<'a> {
    let address: Option<IpAddr> = address.parse().ok();
    ports.iter().filter_map(move |port| Some((port, SocketAddr::new(address?, port.local_port.try_into().ok()?))))
}

async fn connect(handler: SocketAddr) -> io::Result<TcpStream> {
    let late = || io::Error::new(ErrorKind::TimedOut, "no answer");
    timeout(PATIENCE, TcpStream::connect(handler)).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn port(listener: &TcpListener, udp: bool) -> InterceptPort {
        InterceptPort { port: "http".to_owned(), udp, local_port: listener.local_addr().unwrap().port().into() }
    }

    #[tokio::test]
    async fn only_silent_ports_are_named() {
        let heard = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = vec![port(&heard, false), port(&silent, false), port(&silent, true)];
        let number = silent.local_addr().unwrap().port().to_string();
        drop(silent);
        let state = InterceptState { address: "127.0.0.1".to_owned(), ports, ..InterceptState::default() };
        let warnings = super::silent(&state).await;
        assert_eq!(warnings.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::LocalPortSilent]);
        assert!(warnings[0].detail.contains(&number), "{}", warnings[0]);
    }

    #[tokio::test]
    async fn ones_own_program_is_no_stranger() {
        let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(refuse_strangers("127.0.0.1", &[port(&own, false)]).await, Ok(()));
    }
}
