//! How long each hop of a live connection takes.

use std::time::Duration;

use hawser_ipc::proto::Connection;

use super::findings::Check;
use super::limits;
use super::server::{Server, milliseconds};

const FIX: &str =
    "Look at the network between: another Wi-Fi, VPN or region, or a way to the manager past the API server.";

/// The hops of a connection through this API server; one through another server was not measured.
pub(super) fn of(connection: &Connection, server: Option<&Server>) -> Option<Check> {
    let server = server.filter(|server| server.address == connection.target && connection.round_trip_us > 0)?;
    let whole = Duration::from_micros(connection.round_trip_us);
    let title = format!("The hops of {} are short", connection.name);
    let (first, rest) = (milliseconds(server.round_trip), milliseconds(whole.saturating_sub(server.round_trip)));
    let reason = format!(
        "{first} to the API server and back, {rest} more to the manager; {} in all by the last heartbeat",
        milliseconds(whole)
    );
    Some(judge(title, whole, reason))
}

/// A hop that is too long is worth a warning.
pub(super) fn judge(title: impl Into<String>, time: Duration, reason: String) -> Check {
    if time > limits::SLOW_HOP { Check::warned(title, reason, FIX) } else { Check::passed(title, reason) }
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;

    #[test]
    fn only_a_connection_through_this_server_has_its_hops() {
        let server = |ms| Server { address: "a:6443".into(), minor: 33, round_trip: Duration::from_millis(ms) };
        let connection =
            Connection { name: "rig".into(), target: "a:6443".into(), round_trip_us: 5_300, ..Connection::default() };
        let check = of(&connection, Some(&server(2))).unwrap();
        assert_eq!(check.outcome, Outcome::Pass);
        assert_eq!(
            check.reason,
            "2.0 ms to the API server and back, 3.3 ms more to the manager; 5.3 ms in all by the last heartbeat"
        );
        assert!(of(&connection, Some(&server(9))).unwrap().reason.contains(" 0.0 ms more "));
        let slow = Connection { round_trip_us: 600_000, ..connection.clone() };
        assert_eq!(of(&slow, Some(&server(2))).unwrap().outcome, Outcome::Warn);
        assert_eq!(of(&connection, None), None);
        assert_eq!(of(&Connection { target: "b:6443".into(), ..connection.clone() }, Some(&server(2))), None);
        assert_eq!(of(&Connection { round_trip_us: 0, ..connection }, Some(&server(2))), None);
    }
}
