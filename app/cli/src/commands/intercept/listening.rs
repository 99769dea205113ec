//! Whether somebody listens where traffic is about to go.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::InterceptState;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a handler may take to accept.
const PATIENCE: Duration = Duration::from_millis(500);

/// Local ports on which nobody takes connections. Of UDP that can't be told.
pub(super) async fn warnings(state: &InterceptState) -> Vec<Fault> {
    let mut warnings = Vec::new();
    let Ok(address) = state.address.parse::<IpAddr>() else { return warnings };
    for port in state.ports.iter().filter(|port| !port.udp) {
        let Ok(local) = u16::try_from(port.local_port) else { continue };
        let handler = SocketAddr::new(address, local);
        let why = match timeout(PATIENCE, TcpStream::connect(handler)).await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let detail =
            format!("{handler}, which {} of {} goes to, takes no connection: {why}", port.port, state.workload);
        let fix = format!("Start your program on port {local}; nothing has to be done here then.");
        warnings.push(Fault::new(Code::LocalPortSilent, detail).with_fix(fix));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_ipc::proto::InterceptPort;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn only_silent_ports_are_named() {
        let heard = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = |listener: &TcpListener, udp| InterceptPort {
            port: "http".to_owned(),
            udp,
            local_port: listener.local_addr().unwrap().port().into(),
        };
        let ports = vec![port(&heard, false), port(&silent, false), port(&silent, true)];
        let number = silent.local_addr().unwrap().port().to_string();
        drop(silent);
        let state = InterceptState { address: "127.0.0.1".to_owned(), ports, ..InterceptState::default() };
        let warnings = warnings(&state).await;
        assert_eq!(warnings.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::LocalPortSilent]);
        assert!(warnings[0].detail.contains(&number), "{}", warnings[0]);
    }
}
