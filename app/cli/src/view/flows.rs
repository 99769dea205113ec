//! Flows, one a row.

use anstyle::Style;
use hawser_client::processes::Processes;
use hawser_ipc::proto::Flow;

use crate::output::style::{FAINT, GOOD, PLAIN, WARNING, paint};
use crate::output::table::{Cell, Column, table};
use crate::output::text::harmless;
use crate::output::units;

/// A table of `flows`. The connection has a column if there are several. `now` is in Unix milliseconds, `screen` how many
/// columns fit.
pub(crate) fn describe(flows: &[Flow], processes: &Processes, own_uid: u32, now: i64, screen: Option<usize>) -> String {
    if flows.is_empty() {
        return "No flows.\n".to_owned();
    }
    let several = flows.iter().any(|flow| flow.connection != flows[0].connection);
    let mut columns = vec![
        Column::Left("PROTO"),
        Column::Elastic("PROCESS"),
        Column::Elastic("NAME"),
        Column::Left("ADDRESS"),
        Column::Elastic("STATE"),
        Column::Right("SENT"),
        Column::Right("RECEIVED"),
        Column::Right("AGE"),
        Column::Right("RTT"),
    ];
    if several {
        columns.insert(0, Column::Elastic("CONNECTION"));
    }
    let row = |flow: &Flow| {
        let mut cells = row(flow, processes, own_uid, now);
        if several {
            cells.insert(0, Cell::new(&flow.connection));
        }
        cells
    };
    table(&columns, flows.iter().map(row).collect(), screen)
}

/// One line for a flow that began or changed its state.
pub(crate) fn line(flow: &Flow, processes: &Processes, own_uid: u32) -> String {
    let name = if flow.name.is_empty() { String::new() } else { format!("{} ", harmless(&flow.name)) };
    let mut line = format!(
        "{} {} {name}{} {}",
        harmless(&flow.protocol),
        harmless(&process(flow, processes, own_uid)),
        harmless(&flow.destination),
        paint(style(flow), &harmless(&state(flow))),
    );
    if !flow.closed.is_empty() {
        line += &format!(" ({} sent, {} received)", units::bytes(flow.sent_bytes), units::bytes(flow.received_bytes));
    }
    line
}

fn row(flow: &Flow, processes: &Processes, own_uid: u32, now: i64) -> Vec<Cell> {
    let round_trip = if flow.round_trip_us == 0 { "-".to_owned() } else { units::latency(flow.round_trip_us) };
    vec![
        Cell::new(&flow.protocol),
        Cell::new(process(flow, processes, own_uid)),
        Cell::new(if flow.name.is_empty() { "-" } else { &flow.name }),
        Cell::new(&flow.destination),
        Cell::styled(style(flow), state(flow)),
        Cell::new(units::bytes(flow.sent_bytes)),
        Cell::new(units::bytes(flow.received_bytes)),
        Cell::new(units::age(units::since(flow.opened, now))),
        Cell::new(round_trip),
    ]
}

fn process(flow: &Flow, processes: &Processes, own_uid: u32) -> String {
    match processes.of(flow) {
        Some(process) => format!("{} {}", process.pid, process.name),
        None if flow.inode != 0 && flow.uid != own_uid => format!("of uid {}", flow.uid),
        None => "-".to_owned(),
    }
}

/// The state, and why it is closed once it is.
fn state(flow: &Flow) -> String {
    if flow.closed.is_empty() || flow.closed == flow.state {
        return flow.state.clone();
    }
    format!("{}: {}", flow.state, flow.closed)
}

fn style(flow: &Flow) -> Style {
    match flow.state.as_str() {
        "open" => GOOD,
        "dialling" => WARNING,
        "closed" => FAINT,
        _ => PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;
    use hawser_client::processes::Process;

    const NOW: i64 = 1_700_000_000_000;

    fn curl() -> Flow {
        Flow {
            connection: "shop".into(),
            id: 1,
            protocol: "tcp".into(),
            destination: "10.96.0.11:80".into(),
            name: "web.shop.svc.demo.local".into(),
            uid: 1000,
            inode: 77,
            sent_bytes: 78,
            received_bytes: 1_234_567,
            opened: NOW - 2_500,
            round_trip_us: 310,
            state: "open".into(),
            ..Flow::default()
        }
    }

    fn refused() -> Flow {
        Flow {
            id: 2,
            destination: "[fd00:96::11]:81".into(),
            name: String::new(),
            inode: 0,
            sent_bytes: 0,
            received_bytes: 0,
            round_trip_us: 0,
            state: "closed".into(),
            closed: "refused".into(),
            ..curl()
        }
    }

    fn known() -> Processes {
        Processes::from_iter([(&curl(), Process { pid: 4242, name: "curl".into() })])
    }

    #[test]
    fn a_table_of_flows() {
        let theirs = Flow { id: 3, uid: 1001, inode: 78, protocol: "udp".into(), ..curl() };
        let drawn = describe(&[curl(), theirs, refused()], &known(), 1000, NOW, None);
        let expected = "\
PROTO  PROCESS      NAME                     ADDRESS           STATE            SENT  RECEIVED  AGE     RTT
tcp    4242 curl    web.shop.svc.demo.local  10.96.0.11:80     open             78 B    1.2 MB  2 s  310 µs
udp    of uid 1001  web.shop.svc.demo.local  10.96.0.11:80     open             78 B    1.2 MB  2 s  310 µs
tcp    -            -                        [fd00:96::11]:81  closed: refused   0 B       0 B  2 s       -
";
        assert_eq!(strip_str(&drawn).to_string(), expected);
    }

    #[test]
    fn several_connections_are_told_apart() {
        let other = Flow { connection: "depot".into(), ..curl() };
        let drawn = strip_str(&describe(&[curl(), other], &known(), 1000, NOW, None)).to_string();
        assert!(drawn.starts_with("CONNECTION  PROTO"));
        assert!(drawn.contains("\ndepot       tcp"));
        assert_eq!(describe(&[], &known(), 1000, NOW, None), "No flows.\n");
    }

    #[test]
    fn a_line_for_each_change() {
        let line = |flow: &Flow| strip_str(&line(flow, &known(), 1000)).to_string();
        assert_eq!(line(&curl()), "tcp 4242 curl web.shop.svc.demo.local 10.96.0.11:80 open");
        assert_eq!(line(&refused()), "tcp - [fd00:96::11]:81 closed: refused (0 B sent, 0 B received)");
    }
}
