//! The form for a new intercept, and what there is to choose from.

use hawser_client::intercept::Meant;
use hawser_client::mounts;
use hawser_fault::Fault;
use hawser_ipc::proto::{ContainerPort, Holder, Namespace, Workload};

use super::count;
use crate::containers::{self, workload};
use crate::facts::Facts;
use crate::form::check;
use crate::view::{
    ContainerChoice, Containers, HolderView, Listener, Ms, Picker, PortChoice, Possible, Problem, WorkloadRef,
    WorkloadRow,
};
use crate::{Draft, DraftPort, Mode, Picked, limits};

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
    let ports = chosen.and_then(|namespace| Some(ports(namespace, workload(facts)?))).unwrap_or_default();
    let known = containers::of(facts);
    let agent_there = agent_there(facts, &ports);
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
        ports,
        listeners: listeners(facts),
        mount: possible(known.as_ref().map_or(Ok(()), |known| known.check_files()).and_then(|()| mounts::check())),
        containers: known.as_ref().map(shown),
        agent_there,
        mount_path: mount_path(facts),
        environment_path: draft.environment.map(|_| environment_path(facts).display().to_string()),
        ready: checked.asked.is_some() && form.asking.is_none(),
        problems: checked.problems,
        effect: effect(draft, agent_there),
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

fn possible(outcome: Result<(), Fault>) -> Possible {
    match outcome {
        Ok(()) => Possible::Yes,
        Err(fault) => Possible::No { why: format!("{}. {}", fault.detail, fault.fix) },
    }
}

fn shown(containers: &containers::Containers) -> Containers {
    let port = |port: &ContainerPort| {
        let protocol =
            if port.protocol == "TCP" { String::new() } else { format!("/{}", port.protocol.to_lowercase()) };
        format!("{} {}{protocol}", port.name, port.number).trim_start().to_owned()
    };
    let unnamed = match &containers.meant {
        Some(Meant::Declaring(name)) => format!("{name}, which has the port"),
        Some(Meant::First(name) | Meant::Undeclared(name, _)) => format!("{name}, the first"),
        Some(Meant::None(_) | Meant::Several(..)) | None => "The one with the port".to_owned(),
    };
    let note = match &containers.meant {
        Some(Meant::Undeclared(name, number)) => {
            Some(format!("No container declares the port {number}: it counts as {name}'s."))
        }
        Some(Meant::None(port)) => Some(format!("No container has a port {port}.")),
        Some(Meant::Several(names, port)) => {
            Some(format!("Several have a port {port}: {}. Choose one.", names.join(", ")))
        }
        Some(Meant::Declaring(_) | Meant::First(_)) | None => None,
    };
    let choice = |container: &hawser_ipc::proto::Container| ContainerChoice {
        name: container.name.clone(),
        ports: container.ports.iter().map(port).collect(),
        has_files: container.has_files,
    };
    Containers { all: containers.all.iter().map(choice).collect(), unnamed, note }
}

/// Whether each port is one before which the workload's agents stand.
fn agent_there(facts: &Facts, known: &[PortChoice]) -> bool {
    let draft = &facts.form.draft;
    let is_known = |port: &DraftPort| {
        port.port.is_empty()
            || known
                .iter()
                .any(|one| one.udp == port.udp && (one.port == port.port || one.number.to_string() == port.port))
    };
    workload(facts).is_some_and(|workload| workload.with_agent)
        && match draft.mode {
            Mode::Intercept | Mode::Wiretap => draft.ports.iter().all(is_known),
            Mode::Replace => false,
            Mode::Ingest => true,
        }
}

/// Of all services that lead to the workload, each once.
fn ports(namespace: &Namespace, workload: &Workload) -> Vec<PortChoice> {
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
fn effect(draft: &Draft, agent_there: bool) -> String {
    if draft.workload.is_empty() {
        return String::new();
    }
    let workload = format!("{}/{}", draft.kind.to_lowercase(), draft.workload);
    let agents = match agent_there {
        true => format!("No pod of {workload} is restarted."),
        false => format!("Pods of {workload} that have no agent yet are restarted to get one."),
    };
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
