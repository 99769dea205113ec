//! Settings.

use std::time::Duration;

use hawser_client::secrets::Kept;
use hawser_client::units;
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{self, Connection};

use super::subnets::never;
use crate::facts::Facts;
use crate::view::{Keyring, Problem, Remedy, Served, SettingsView};

pub(crate) fn settings(facts: &Facts) -> SettingsView {
    SettingsView {
        own: facts.stored.settings.clone(),
        chosen: facts.connections().flat_map(chosen).collect(),
        served: facts.connections().flat_map(served).collect(),
        keyring: facts.kept.as_ref().map(keyring),
        tray_hosted: facts.posture.hosted,
        file: facts.stored.file().display().to_string(),
        problem: facts.stored.fault.as_ref().map(Problem::from),
    }
}

fn keyring(kept: &Result<Kept, Fault>) -> Keyring {
    match kept {
        Ok(kept) => Keyring {
            connections: kept.connections.clone(),
            problem: kept.problem.as_ref().map(keyring_problem),
            file: kept.file.display().to_string(),
        },
        Err(fault) => Keyring { problem: Some(fault.into()), ..Keyring::default() },
    }
}

fn keyring_problem(fault: &Fault) -> Problem {
    let remedy = (fault.code == Code::KeyringLocked).then_some(Remedy::UnlockKeyring);
    Problem::from(fault).with_remedy(remedy)
}

/// What is to be known on every screen: logins that are in a file for want of a keyring.
pub(crate) fn keyring_note(facts: &Facts) -> Option<Problem> {
    let kept = facts.kept.as_ref()?.as_ref().ok().filter(|kept| kept.in_file)?;
    let mut problem = keyring_problem(kept.problem.as_ref()?);
    problem.detail = format!("{}; logins are in {}", problem.detail, kept.file.display());
    Some(problem)
}

fn chosen(connection: &Connection) -> Vec<Served> {
    let values = vec![
        ("Also through the cluster", connection.also_proxy.clone()),
        ("Never through the cluster", never(connection)),
        ("Namespace", vec![connection.namespace.clone()]),
    ];
    listed(connection, values)
}

fn served(connection: &Connection) -> Vec<Served> {
    let Some(served) = &connection.served else { return Vec::new() };
    let suffix = |suffix: &String| format!("*.{suffix}");
    let alias = |alias: &proto::Alias| format!("{} is {}", alias.name, alias.target);
    let agents = match served.agent_idle_s {
        0 => "until its pod ends".to_owned(),
        seconds => units::age(Duration::from_secs(seconds.into())),
    };
    // A manager without Kubernetes has no agents.
    let agents = if connection.context.is_empty() { Vec::new() } else { vec![agents] };
    let values = vec![
        ("Also through the cluster", served.also.clone()),
        ("Never through the cluster", served.never.clone()),
        ("Names that are the cluster's", connection.domains.iter().map(suffix).collect()),
        ("Where bare names are looked up", vec![connection.search_domain.clone()]),
        (
            "Names that stay out",
            served.excluded_domains.iter().map(suffix).chain(served.excluded_names.clone()).collect(),
        ),
        ("Names that stand for others", served.aliases.iter().map(alias).collect()),
        ("How long an unused agent stays", agents),
    ];
    listed(connection, values)
}

/// Those that say something.
fn listed(connection: &Connection, values: Vec<(&str, Vec<String>)>) -> Vec<Served> {
    let of = |(name, mut values): (&str, Vec<String>)| {
        values.retain(|value| !value.is_empty());
        Served { connection: connection.name.clone(), name: name.to_owned(), values }
    };
    values.into_iter().map(of).filter(|one| !one.values.is_empty()).collect()
}
