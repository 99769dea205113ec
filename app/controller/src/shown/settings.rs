//! Settings.

use hawser_ipc::proto::Connection;

use crate::facts::Facts;
use crate::view::{Problem, Served, SettingsView};

pub(crate) fn settings(facts: &Facts) -> SettingsView {
    SettingsView {
        own: facts.stored.settings.clone(),
        served: facts.connections().flat_map(served).collect(),
        tray_hosted: facts.posture.hosted,
        file: facts.stored.file().display().to_string(),
        problem: facts.stored.fault.as_ref().map(Problem::from),
    }
}

fn served(connection: &Connection) -> Vec<Served> {
    let one = |text: &String| if text.is_empty() { Vec::new() } else { vec![text.clone()] };
    let values = [
        ("domains", connection.domains.clone()),
        ("subnets", connection.subnets.clone()),
        ("name servers", connection.dns_servers.clone()),
        ("search domain", one(&connection.search_domain)),
    ];
    let of = |(name, values): (&str, Vec<String>)| Served {
        connection: connection.name.clone(),
        name: name.to_owned(),
        values,
    };
    values.into_iter().filter(|(_, values)| !values.is_empty()).map(of).collect()
}
