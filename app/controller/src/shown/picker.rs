//! The form for a new intercept, and what there is to choose from.

use hawser_client::mounts;
use hawser_ipc::proto::{Holder, Namespace, Workload};

use super::count;
use crate::facts::Facts;
use crate::form::check;
use crate::view::{HolderView, Listener, Ms, Picker, PortChoice, Possible, Problem, WorkloadRef, WorkloadRow};
use crate::{Draft, Mode, Picked, limits};

pub(crate) fn picker(facts: &Facts) -> Picker {
    let form = &facts.form;
    let draft = &form.draft;
    let namespaces = &facts.catalogue.namespaces;
    let chosen = namespaces.iter().find(|namespace| namespace.name == draft.namespace);
    let all: &[Workload] = chosen.map_or(&[], |namespace| namespace.workloads.as_slice());
    let search = form.search.to_lowercase();
    let found: Vec<&Workload> =
        all.iter().filter(|workload| search.is_empty() || contains(workload, &search)).collect();
    let checked = check(facts);
    let row = |workload: &&Workload| row(facts, &draft.namespace, workload);
    Picker {
        opened: form.opened,
        draft: form.fresh.clone(),
        revision: draft.revision,
        connections: facts.interceptable().map(|connection| connection.name.clone()).collect(),
        namespaces: namespaces.iter().map(|namespace| namespace.name.clone()).collect(),
        known: facts.catalogue.known,
        problem: facts.catalogue.fault.as_ref().map(Problem::from),
        workloads: found.iter().take(limits::WORKLOADS).map(row).collect(),
        workloads_found: count(found.len()),
        workloads_total: count(all.len()),
        search: form.search.clone(),
        ports: chosen.map(|namespace| ports(namespace, draft)).unwrap_or_default(),
        listeners: listeners(facts),
        mount: match mounts::check() {
            Ok(()) => Possible::Yes,
            Err(fault) => Possible::No { why: format!("{}. {}", fault.detail, fault.fix) },
        },
        mount_path: mount_path(facts),
        environment_path: draft.environment.map(|_| environment_path(facts).display().to_string()),
        ready: checked.asked.is_some() && form.asking.is_none(),
        problems: checked.problems,
        effect: effect(draft),
        preview: form.preview.clone(),
        asking: form.asking.clone(),
        failed: form.failed.as_ref().map(Problem::from),
    }
}

/// Where the container's environment is written.
pub(crate) fn environment_path(facts: &Facts) -> std::path::PathBuf {
    let chosen = facts.form.chosen.get(&Picked::EnvironmentFile).cloned();
    chosen.unwrap_or_else(|| {
        let name = format!("{}-{}.env", facts.form.draft.connection, facts.form.draft.called());
        facts.surroundings.runtime.join("environments").join(name)
    })
}

fn mount_path(facts: &Facts) -> String {
    let draft = &facts.form.draft;
    let chosen = facts.form.chosen.get(&Picked::MountFolder).cloned();
    let own = || facts.surroundings.runtime.join("mounts").join(&draft.connection).join(draft.called());
    chosen.unwrap_or_else(own).display().to_string()
}

fn row(facts: &Facts, namespace: &str, workload: &Workload) -> WorkloadRow {
    WorkloadRow {
        workload: WorkloadRef {
            namespace: namespace.to_owned(),
            kind: workload.kind.clone(),
            name: workload.name.clone(),
        },
        ready: workload.ready,
        replicas: workload.replicas,
        services: workload.services.clone(),
        holders: workload.holders.iter().map(|holder| self::holder(facts, holder)).collect(),
        possible: Possible::Yes,
    }
}

fn holder(facts: &Facts, holder: &Holder) -> HolderView {
    HolderView {
        user: holder.user.clone(),
        mode: Mode::of(&holder.mode),
        since: Ms(holder.since),
        own: facts.intercepts().any(|(_, state)| !state.object.is_empty() && state.object == holder.intercept),
    }
}

/// Of all services that lead to the workload, each once.
fn ports(namespace: &Namespace, draft: &Draft) -> Vec<PortChoice> {
    let is_meant = |workload: &&Workload| workload.name == draft.workload && workload.kind == draft.kind;
    let Some(workload) = namespace.workloads.iter().find(is_meant) else { return Vec::new() };
    let services = namespace.services.iter().filter(|service| workload.services.contains(&service.name));
    let mut choices: Vec<PortChoice> = Vec::new();
    for service in services {
        for port in service.ports.iter().filter(|port| port.protocol != "SCTP") {
            let choice = PortChoice {
                port: if port.name.is_empty() { port.number.to_string() } else { port.name.clone() },
                udp: port.protocol == "UDP",
                number: port.number,
                target: port.target.clone(),
                service: service.name.clone(),
            };
            if !choices.iter().any(|known| (known.udp, &known.target) == (choice.udp, &choice.target)) {
                choices.push(choice);
            }
        }
    }
    choices
}

fn listeners(facts: &Facts) -> Vec<Listener> {
    let shown = |listener: &hawser_client::intercept::Listener| {
        let process = listener.process.clone()?;
        Some(Listener { port: listener.port, udp: listener.udp, process: process.name, pid: process.pid })
    };
    facts.catalogue.listeners.iter().filter_map(shown).take(limits::WORKLOADS).collect()
}

/// What happens in the cluster, as far as it is known before it was asked.
fn effect(draft: &Draft) -> String {
    if draft.workload.is_empty() {
        return String::new();
    }
    let workload = format!("{}/{}", draft.kind.to_lowercase(), draft.workload);
    let agents = format!("Pods of {workload} that have no agent yet are restarted to get one.");
    match draft.mode {
        Mode::Intercept => format!("{agents} Then what reaches them comes to this computer, which answers."),
        Mode::Wiretap => {
            format!("{agents} Then a copy of what reaches them comes to this computer; {workload} answers.")
        }
        Mode::Replace => {
            format!("Pods of {workload} are restarted without the container, whose place this computer takes.")
        }
        Mode::Ingest => format!("{agents} Its traffic stays as it is."),
    }
}

fn contains(workload: &Workload, search: &str) -> bool {
    let holders = workload.holders.iter().map(|holder| &holder.user);
    let mut texts = [&workload.name, &workload.kind].into_iter().chain(&workload.services).chain(holders);
    texts.any(|text| text.to_lowercase().contains(search))
}
