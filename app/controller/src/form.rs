//! Whether a form says something that can be asked for, and what that is. It judges as the command line does, before anything
//! has begun.

use std::net::IpAddr;
use std::time::SystemTime;

use hawser_client::intercept::{Asked, AskedPort, Files, HeaderFilter, PathFilter, Traffic, choose, find, until};
use hawser_client::kubeconfig::is_label;
use hawser_client::mounts;
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{HttpFilter, InterceptPhase};

use crate::containers::{self, Containers};
use crate::facts::Facts;
use crate::view::{Field, FormProblem};
use crate::{Draft, DraftPort, Mode, PathKind, Picked, limits};

/// What came of looking at a form.
pub(crate) struct Checked {
    pub(crate) problems: Vec<FormProblem>,
    /// What it asks for, if nothing is wrong.
    pub(crate) asked: Option<Asked>,
}

pub(crate) fn check(facts: &Facts) -> Checked {
    let draft = &facts.form.draft;
    let mut problems = Problems::default();
    problems.note(Field::Connection, connection(facts));
    problems.note(Field::Namespace, namespace(&draft.namespace));
    let found = problems.note(Field::Workload, workload(facts));
    let containers = containers::of(facts);
    problems.note(
        Field::Container,
        match &containers {
            Some(containers) => containers.check(),
            None => optional_label(&draft.container, "a container"),
        },
    );
    problems.note(Field::Name, name(facts));
    let traffic = (draft.mode != Mode::Ingest).then(|| {
        let ports = ports(draft, &mut problems);
        if let Some(found) = &found
            && (draft.mode != Mode::Replace || !ports.is_empty())
            && ports.len() == draft.ports.len()
        {
            problems.note(Field::Port, choose(found, &ports));
        }
        let address = problems.note(Field::Address, address(&draft.address)).unwrap_or_default();
        Traffic { ports, address }
    });
    let http = if matches!(draft.mode, Mode::Intercept | Mode::Wiretap) { http(draft, &mut problems) } else { None };
    if draft.mount {
        problems.note(Field::Mount, files(containers.as_ref()).and_then(|()| mounts::check()));
    }
    if !draft.until.is_empty() {
        problems.note(Field::Until, short(&draft.until).and_then(|()| until(&draft.until, SystemTime::now())));
    }
    let asked = problems.0.is_empty().then(|| Asked {
        mode: draft.mode.name().to_owned(),
        connection: draft.connection.clone(),
        workload: format!("{}/{}", draft.kind, draft.workload),
        namespace: Some(draft.namespace.clone()),
        container: given(&draft.container),
        name: given(&draft.name),
        until: given(&draft.until),
        traffic,
        http,
        files: draft.mount.then(|| Files {
            folder: facts.form.chosen.get(&Picked::MountFolder).cloned(),
            read_only: draft.read_only,
        }),
    });
    Checked { problems: problems.0, asked }
}

#[derive(Default)]
struct Problems(Vec<FormProblem>);

impl Problems {
    fn note<T>(&mut self, field: Field, outcome: Result<T, Fault>) -> Option<T> {
        self.note_row(field, None, outcome)
    }

    fn note_row<T>(&mut self, field: Field, row: Option<usize>, outcome: Result<T, Fault>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(fault) => {
                let row = row.and_then(|row| row.try_into().ok());
                self.0.push(FormProblem { field, row, problem: fault.into() });
                None
            }
        }
    }
}

fn connection(facts: &Facts) -> Result<(), Fault> {
    let name = &facts.form.draft.connection;
    if facts.interceptable().any(|connection| connection.name == *name) {
        return Ok(());
    }
    let detail = match name.as_str() {
        "" => "no connection is chosen".to_owned(),
        name => format!("{name} is no connection to a cluster that stands now"),
    };
    Err(Fault::new(Code::NotConnected, detail).with_fix("Choose a connection that stands, or connect one."))
}

fn namespace(name: &str) -> Result<(), Fault> {
    match name {
        "" => Err(bad("no namespace is chosen", "Choose the workload's namespace.")),
        name if is_label(name) => Ok(()),
        _ => {
            Err(bad("this cannot be the name of a namespace", "Write letters a to z, digits and hyphens, at most 63."))
        }
    }
}

fn workload(facts: &Facts) -> Result<hawser_client::intercept::Found, Fault> {
    let draft = &facts.form.draft;
    if draft.workload.is_empty() {
        return Err(bad("no workload is chosen", "Choose what to intercept."));
    }
    short(&draft.workload)?;
    let namespaces = if facts.catalogue.known { facts.catalogue.namespaces.as_slice() } else { &[] };
    find(namespaces, &draft.namespace, &format!("{}/{}", draft.kind, draft.workload))
}

fn name(facts: &Facts) -> Result<(), Fault> {
    let draft = &facts.form.draft;
    let place = draft.place();
    let name = &place.name;
    if !draft.name.is_empty() && (!is_label(name) || name.len() > limits::INTERCEPT_NAME) {
        let fix = format!("Write letters a to z, digits and hyphens, at most {}.", limits::INTERCEPT_NAME);
        return Err(bad("this cannot be the name of an intercept", &fix));
    }
    match facts.intercept(&place) {
        Some(state) if state.phase() != InterceptPhase::Ended && facts.form.asking.is_none() => {
            let detail = format!("{name} is intercepted already over {}", draft.connection);
            Err(Fault::new(Code::InterceptExists, detail).with_fix("Leave it first, or give this one another name."))
        }
        _ => Ok(()),
    }
}

/// That there are some to mount, as far as that is known.
fn files(containers: Option<&Containers>) -> Result<(), Fault> {
    containers.map_or(Ok(()), Containers::check_files)
}

fn optional_label(text: &str, what: &str) -> Result<(), Fault> {
    match text {
        "" => Ok(()),
        text if is_label(text) => Ok(()),
        _ => Err(bad(
            &format!("this cannot be the name of {what}"),
            "Write letters a to z, digits and hyphens, at most 63.",
        )),
    }
}

/// Those that can be read.
fn ports(draft: &Draft, problems: &mut Problems) -> Vec<AskedPort> {
    if draft.ports.len() > limits::PORTS {
        let detail = format!("there are more than {} ports", limits::PORTS);
        problems.note(Field::Port, Err::<(), _>(Fault::new(Code::LimitReached, detail)));
        return Vec::new();
    }
    let mut ports = Vec::new();
    for (row, port) in draft.ports.iter().enumerate() {
        if let Err(fault) = local(port) {
            problems.note_row(Field::LocalPort, Some(row), Err::<(), _>(fault));
        } else if let Some(port) = problems.note_row(Field::Port, Some(row), asked_port(port)) {
            ports.push(port);
        }
    }
    ports
}

fn local(port: &DraftPort) -> Result<(), Fault> {
    match port.local.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ => {
            Err(bad("this is no port on this computer", "Write the number on which your program listens, 1 to 65535."))
        }
    }
}

fn asked_port(port: &DraftPort) -> Result<AskedPort, Fault> {
    short(&port.port)?;
    if port.port.contains(['/', ':']) {
        return Err(bad("this is no port of a workload", "Write its name or its number."));
    }
    let number = if port.port.is_empty() { String::new() } else { format!(":{}", port.port) };
    let protocol = if port.udp { "/udp" } else { "" };
    format!("{}{number}{protocol}", port.local).parse().map_err(|why: String| bad(&why, Code::BadArgument.fix()))
}

fn address(text: &str) -> Result<String, Fault> {
    if text.is_empty() {
        return Ok("127.0.0.1".to_owned());
    }
    match text.parse::<IpAddr>() {
        Ok(ip) if !ip.is_unspecified() && !ip.is_multicast() => Ok(ip.to_string()),
        _ => {
            Err(bad("nothing can be delivered to this address", "Write the IP address at which your program listens."))
        }
    }
}

fn http(draft: &Draft, problems: &mut Problems) -> Option<HttpFilter> {
    if draft.headers.len() > limits::HEADERS {
        let detail = format!("there are more than {} headers", limits::HEADERS);
        problems.note(Field::Header, Err::<(), _>(Fault::new(Code::LimitReached, detail)));
        return None;
    }
    let mut headers = Vec::new();
    for (row, text) in draft.headers.iter().enumerate() {
        let header = short(text).and_then(|()| {
            text.parse::<HeaderFilter>().map_err(|why| bad(&why, "Write it as NAME=VALUE, or NAME~=REGEX."))
        });
        headers.extend(problems.note_row(Field::Header, Some(row), header).map(|HeaderFilter(header)| header));
    }
    problems.note(Field::Path, path(draft));
    let method = draft.method.to_ascii_uppercase();
    if !method.chars().all(|c| c.is_ascii_uppercase() || c == '-') || method.len() > 32 {
        problems.note(Field::Method, Err::<(), _>(bad("this is no method", "Write it as GET or POST.")));
    }
    let path = given(&draft.path).map(|path| {
        let filter = match draft.path_kind {
            PathKind::Exact => PathFilter::Exact(path),
            PathKind::Prefix => PathFilter::Prefix(path),
            PathKind::Regex => PathFilter::Regex(path),
        };
        filter.into()
    });
    let says_nothing = headers.is_empty() && path.is_none() && method.is_empty();
    (!says_nothing).then_some(HttpFilter { headers, path, method })
}

fn path(draft: &Draft) -> Result<(), Fault> {
    short(&draft.path)?;
    if draft.path.is_empty() || draft.path_kind == PathKind::Regex || draft.path.starts_with('/') {
        return Ok(());
    }
    Err(bad("a path begins with a slash", "Write it as /api."))
}

fn short(text: &str) -> Result<(), Fault> {
    if text.len() <= limits::TEXT {
        return Ok(());
    }
    Err(Fault::new(Code::LimitReached, format!("it is longer than {} bytes", limits::TEXT)).with_fix("Shorten it."))
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn bad(detail: &str, fix: &str) -> Fault {
    Fault::new(Code::BadArgument, detail).with_fix(fix)
}
