//! Workloads and services by namespace.

use hawser_ipc::proto::{Holder, Namespace, Port, Service, Workload};

use crate::output::style::{GOOD, HEADING, WARNING, paint};
use crate::output::table::{Cell, Column, table};
use crate::output::units;

const COLUMNS: [Column; 6] = [
    Column::Left("NAMESPACE"),
    Column::Left("WORKLOAD"),
    Column::Right("READY"),
    Column::Elastic("SERVICE"),
    Column::Elastic("PORTS"),
    Column::Elastic("INTERCEPTED BY"),
];

/// A line for each service of a workload, one for each workload without, and one for each service without. `now` is in Unix
/// milliseconds.
pub(crate) fn describe(namespaces: &[Namespace], screen: Option<usize>, now: i64) -> String {
    let rows: Vec<Vec<Cell>> = namespaces.iter().flat_map(|namespace| rows(namespace, now)).collect();
    if rows.is_empty() {
        let nothing = paint(HEADING, "There is nothing that you may work on.");
        return format!(
            "{nothing}\nRights are given by namespace: kubectl create rolebinding hawser-developer --clusterrole=hawser-developer --user=YOU -n NAMESPACE\n"
        );
    }
    table(&COLUMNS, rows, screen)
}

fn rows(namespace: &Namespace, now: i64) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for workload in &namespace.workloads {
        let services: Vec<&Service> =
            namespace.services.iter().filter(|service| workload.services.contains(&service.name)).collect();
        if services.is_empty() {
            rows.push(row(namespace, Some(workload), None, now));
        }
        rows.extend(services.into_iter().map(|service| row(namespace, Some(workload), Some(service), now)));
    }
    let led_to =
        |service: &&Service| namespace.workloads.iter().any(|workload| workload.services.contains(&service.name));
    rows.extend(
        namespace
            .services
            .iter()
            .filter(|service| !led_to(service))
            .map(|service| row(namespace, None, Some(service), now)),
    );
    rows
}

fn row(namespace: &Namespace, workload: Option<&Workload>, service: Option<&Service>, now: i64) -> Vec<Cell> {
    let (name, ready) = match workload {
        None => (Cell::new("-"), Cell::new("-")),
        Some(workload) => {
            let style = if workload.ready >= workload.replicas { GOOD } else { WARNING };
            let name = format!("{}/{}", workload.kind.to_lowercase(), workload.name);
            (Cell::new(name), Cell::styled(style, format!("{}/{}", workload.ready, workload.replicas)))
        }
    };
    let (service, ports) = match service {
        None => ("-".to_owned(), "-".to_owned()),
        Some(service) => (service.name.clone(), service.ports.iter().map(port).collect::<Vec<_>>().join(", ")),
    };
    let holders = workload.map(|workload| workload.holders.as_slice()).unwrap_or_default();
    let holders = holders.iter().map(|one| holder(one, now)).collect::<Vec<_>>().join(", ");
    vec![Cell::new(&namespace.name), name, ready, Cell::new(service), Cell::new(ports), Cell::new(holders)]
}

/// Who, how, for how long, and by which object.
fn holder(holder: &Holder, now: i64) -> String {
    let Holder { user, intercept, mode, since } = holder;
    let mode = if mode == "intercept" { String::new() } else { format!("{mode}, ") };
    format!("{user} ({mode}{}, {intercept})", units::age(units::since(*since, now)))
}

/// As kubectl writes it, with the name before and the target behind where they say more.
fn port(port: &Port) -> String {
    let Port { name, number, protocol, target } = port;
    let name = if name.is_empty() { String::new() } else { format!("{name} ") };
    let protocol = if protocol == "TCP" { String::new() } else { format!("/{protocol}") };
    let target = if *target == number.to_string() { String::new() } else { format!(" -> {target}") };
    format!("{name}{number}{protocol}{target}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    fn service(name: &str, ports: &[(&str, u32, &str, &str)]) -> Service {
        let port = |(name, number, protocol, target): &(&str, u32, &str, &str)| Port {
            name: (*name).to_owned(),
            number: *number,
            protocol: (*protocol).to_owned(),
            target: (*target).to_owned(),
        };
        Service { name: name.to_owned(), address: String::new(), ports: ports.iter().map(port).collect() }
    }

    #[test]
    fn workloads_with_their_services_and_ports() {
        let workload = |name: &str, services: &[&str]| Workload {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
            replicas: 2,
            ready: 1,
            services: services.iter().map(|name| (*name).to_owned()).collect(),
            holders: Vec::new(),
            ..Workload::default()
        };
        let holder = |user: &str, mode: &str| Holder {
            user: user.to_owned(),
            intercept: "web-1a2b3".to_owned(),
            mode: mode.to_owned(),
            since: 1_000,
        };
        let job =
            Workload { holders: vec![holder("ann", "intercept"), holder("bob", "wiretap")], ..workload("job", &[]) };
        let shop = Namespace {
            name: "shop".to_owned(),
            workloads: vec![job, workload("web", &["web", "admin"])],
            services: vec![
                service("admin", &[("", 9000, "TCP", "9000")]),
                service("mail", &[("smtp", 25, "TCP", "25"), ("", 53, "UDP", "5353")]),
                service("web", &[("http", 80, "TCP", "http")]),
            ],
        };
        let text = strip_str(&describe(&[shop], None, 61_000)).to_string();
        let expected = "\
NAMESPACE  WORKLOAD        READY  SERVICE  PORTS                    INTERCEPTED BY
shop       deployment/job    1/2  -        -                        ann (1 min 00 s, web-1a2b3), bob (wiretap, 1 min 00 s, web-1a2b3)
shop       deployment/web    1/2  admin    9000
shop       deployment/web    1/2  web      http 80 -> http
shop       -                   -  mail     smtp 25, 53/UDP -> 5353
";
        assert_eq!(text, expected);
        assert!(describe(&[], None, 0).contains("nothing that you may work on"));
    }
}
