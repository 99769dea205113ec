//! Connections and how they are.

use std::fmt::Write as _;

use anstyle::Style;
use hawser_client::{some_of, words};
use hawser_fault::Fault;
use hawser_ipc::proto::{Connection, Disposition, Snapshot, State};

use super::intercept;
use crate::output::style::{BAD, FAINT, GOOD, HEADING, PLAIN, WARNING, paint};
use crate::output::text::{harmless, width};
use crate::output::units;

/// Conflicts of a connection that are shown besides its cause.
const CONFLICTS: usize = 16;

/// Everything, a block for each connection. `now` is in Unix milliseconds; other users' connections say whose they are.
pub(crate) fn describe(snapshot: &Snapshot, own_uid: u32, now: i64) -> String {
    if snapshot.connections.is_empty() {
        return format!("{}\nConnect with: hawser connect\n", paint(HEADING, "Not connected."));
    }
    let blocks: Vec<_> = snapshot.connections.iter().map(|connection| block(connection, own_uid, now)).collect();
    blocks.join("\n")
}

/// One line for one connection, the same as long as nothing happens but traffic.
pub(crate) fn line(connection: &Connection) -> String {
    let name = paint(HEADING, &harmless(&connection.name));
    let mut line = format!("{name} {}", paint(style(connection.state()), words::state(connection.state())));
    if !connection.step.is_empty() {
        let _ = write!(line, ": {}", harmless(&connection.step));
    }
    if let Some(cause) = &connection.cause {
        let _ = write!(line, "; {}", harmless(&Fault::from(cause.clone()).to_string()));
    }
    line
}

fn block(connection: &Connection, own_uid: u32, now: i64) -> String {
    let state = connection.state();
    let mut block = format!(
        "{} {} {}\n",
        paint(HEADING, &harmless(&connection.name)),
        paint(style(state), words::state(state)),
        paint(FAINT, &format!("for {}", units::age(units::since(connection.since, now)))),
    );
    let facts: Vec<(&str, String)> =
        facts(connection, own_uid).into_iter().filter(|(_, text)| !text.is_empty()).collect();
    let longest = facts.iter().map(|(label, _)| width(label)).max().unwrap_or_default();
    for (label, text) in facts {
        let padding = " ".repeat(longest - width(label));
        let _ = writeln!(block, "  {}{padding}  {}", paint(FAINT, label), harmless(&text));
    }
    block
}

/// Labels and texts; an empty text is not shown.
fn facts(connection: &Connection, own_uid: u32) -> Vec<(&'static str, String)> {
    let cause = connection.cause.clone().map(Fault::from);
    let mut facts = vec![
        ("waiting for", connection.step.clone()),
        ("cause", cause.as_ref().map(Fault::to_string).unwrap_or_default()),
        ("fix", cause.map(|cause| cause.fix).unwrap_or_default()),
        ("trouble", troubles(connection)),
        ("owner", if connection.owner == own_uid { String::new() } else { format!("uid {}", connection.owner) }),
        ("context", context(connection)),
        ("manager", manager(connection)),
    ];
    facts.extend(conflicts(connection).map(|conflict| ("in the way", conflict)));
    if connection.state() == State::Connected {
        facts.extend([
            (
                "round trip",
                if connection.round_trip_us == 0 { String::new() } else { units::latency(connection.round_trip_us) },
            ),
            ("device", joined(&connection.device, &connection.addresses)),
            ("subnets", some_of(&connection.subnets, 16)),
            ("not routed", connection.never_proxy.join(", ")),
            ("reached without", connection.left_alone.join(", ")),
            ("names", names(connection)),
            ("resolver", connection.dns_servers.join(", ")),
            ("traffic", traffic(connection)),
        ]);
    }
    let intercepts = connection.intercepts.iter();
    facts.extend(intercepts.map(|state| ("intercept", format!("{}: {}", state.name, intercept::line(state)))));
    facts
}

/// What does not work though the connection is up.
fn troubles(connection: &Connection) -> String {
    let words = |fault: &hawser_ipc::proto::Fault| {
        let fault = Fault::from(fault.clone());
        format!("{fault} {}", fault.fix)
    };
    connection.troubles.iter().map(words).collect::<Vec<_>>().join("; ")
}

/// What has a subnet that should be routed, beyond the one that the cause names.
fn conflicts(connection: &Connection) -> impl Iterator<Item = String> {
    let conflicts = connection.placements.iter().filter(|one| one.disposition() == Disposition::Conflict);
    conflicts.skip(1).take(CONFLICTS).map(|one| one.why.clone())
}

fn context(connection: &Connection) -> String {
    match connection.context.as_str() {
        "" => String::new(),
        context => format!("{context}, namespace {}, at {}", connection.namespace, connection.target),
    }
}

fn manager(connection: &Connection) -> String {
    let place = if connection.way.is_empty() { &connection.target } else { &connection.way };
    with_software(place, &connection.manager)
}

fn with_software(target: &str, software: &str) -> String {
    if software.is_empty() { target.to_owned() } else { format!("{target} ({software})") }
}

fn joined(device: &str, addresses: &[String]) -> String {
    if addresses.is_empty() { device.to_owned() } else { format!("{device} with {}", addresses.join(", ")) }
}

fn names(connection: &Connection) -> String {
    let mut names = domains(connection);
    if !connection.search_domain.is_empty() {
        let separator = if names.is_empty() { "" } else { "; " };
        names += &format!("{separator}short ones in {}", connection.search_domain);
    }
    names
}

/// Whose names are the cluster's; a big one has hundreds of namespaces.
pub(crate) fn domains(connection: &Connection) -> String {
    let domains: Vec<_> = connection.domains.iter().map(|domain| format!("*.{domain}")).collect();
    some_of(&domains, 8)
}

fn traffic(connection: &Connection) -> String {
    let plural = if connection.open_flows == 1 { "" } else { "s" };
    format!(
        "{} sent, {} received, {} open flow{plural}",
        units::bytes(connection.sent_bytes),
        units::bytes(connection.received_bytes),
        connection.open_flows,
    )
}

fn style(state: State) -> Style {
    match state {
        State::Connected => GOOD,
        State::Connecting | State::Reconnecting | State::NeedsLogin | State::Disconnecting => WARNING,
        State::Failed => BAD,
        State::Disconnected | State::Unspecified => PLAIN,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use anstream::adapter::strip_str;
    use hawser_fault::Code;
    use hawser_ipc::proto::Placement;

    const NOW: i64 = 1_700_000_000_000;

    pub(crate) fn connected() -> Connection {
        Connection {
            name: "shop".into(),
            owner: 1000,
            target: "203.0.113.7:7300".into(),
            state: State::Connected.into(),
            since: NOW - 184_000,
            device: "hawser0".into(),
            addresses: vec!["10.99.0.1".into(), "fd99::1".into()],
            dns_servers: vec!["10.99.0.2".into()],
            domains: vec!["demo.local".into()],
            subnets: vec!["10.96.0.0/16".into(), "fd00:96::/64".into()],
            manager: "hawser-manager 0.1.0".into(),
            round_trip_us: 420,
            sent_bytes: 1_200_000,
            received_bytes: 3_400_000_000,
            open_flows: 12,
            search_domain: "shop.svc.demo.local".into(),
            ..Connection::default()
        }
    }

    fn reconnecting() -> Connection {
        Connection {
            state: State::Reconnecting.into(),
            step: "dialling 203.0.113.7:7300".into(),
            cause: Some(Fault::new(Code::LinkLost, "the manager closed the link").into()),
            ..connected()
        }
    }

    fn described(connections: Vec<Connection>) -> String {
        let snapshot = Snapshot { software: "hawser-helper 0.1.0".into(), connections };
        strip_str(&describe(&snapshot, 1000, NOW)).to_string()
    }

    #[test]
    fn a_connection_shows_what_it_offers() {
        let expected = "\
shop connected for 3 min 04 s
  manager     203.0.113.7:7300 (hawser-manager 0.1.0)
  round trip  420 µs
  device      hawser0 with 10.99.0.1, fd99::1
  subnets     10.96.0.0/16, fd00:96::/64
  names       *.demo.local; short ones in shop.svc.demo.local
  resolver    10.99.0.2
  traffic     1.2 MB sent, 3.4 GB received, 12 open flows
";
        assert_eq!(described(vec![connected()]), expected);
    }

    #[test]
    fn intercepts_are_below_their_connection() {
        let connection = Connection { intercepts: vec![intercept::tests::active()], ..connected() };
        let text = described(vec![connection]);
        assert!(
            text.ends_with("  intercept   web: active intercept of deployment/web in shop, http -> 127.0.0.1:8080\n"),
            "{text}"
        );
    }

    #[test]
    fn trouble_shows_its_cause_and_whose_it_is() {
        let expected = "\
shop reconnecting for 3 min 04 s
  waiting for  dialling 203.0.113.7:7300
  cause        The link to the manager was lost: the manager closed the link [link-lost]
  fix          Hawser dials again by itself; check the network if it lasts.
  owner        uid 1001
  manager      203.0.113.7:7300 (hawser-manager 0.1.0)
";
        assert_eq!(described(vec![Connection { owner: 1001, ..reconnecting() }]), expected);
    }

    #[test]
    fn every_conflict_is_shown() {
        let conflict = |why: &str, disposition: Disposition| Placement {
            why: why.into(),
            disposition: disposition.into(),
            ..Placement::default()
        };
        let placements = vec![
            conflict("docker0 has it", Disposition::Conflict),
            conflict("tun0 has it", Disposition::Conflict),
            conflict("the cluster serves it", Disposition::Routed),
        ];
        let cause = Some(Fault::new(Code::SubnetConflict, "docker0 has it").into());
        let text = described(vec![Connection { state: State::Failed.into(), cause, placements, ..connected() }]);
        assert_eq!(text.matches("in the way").count(), 1, "{text}");
        assert!(text.contains("  in the way  tun0 has it\n"), "{text}");
    }

    #[test]
    fn several_connections_are_apart_and_none_is_said() {
        assert_eq!(described(vec![connected(), reconnecting()]).matches("\n\nshop ").count(), 1);
        assert_eq!(described(vec![]), "Not connected.\nConnect with: hawser connect\n");
    }

    #[test]
    fn a_line_does_not_change_with_traffic() {
        let more = Connection { sent_bytes: 9, round_trip_us: 9, open_flows: 9, ..connected() };
        assert_eq!(line(&connected()), line(&more));
        assert_eq!(strip_str(&line(&connected())).to_string(), "shop connected");
        assert_eq!(
            strip_str(&line(&reconnecting())).to_string(),
            "shop reconnecting: dialling 203.0.113.7:7300; \
             The link to the manager was lost: the manager closed the link [link-lost]"
        );
    }
}
