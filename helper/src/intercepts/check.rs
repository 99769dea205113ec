//! Whether an intercept can be asked for: pure functions of what is asked and what is there.

use hawser_api::{IntOrString, InterceptPort, Mode, Protocol, limits as api};
use hawser_fault::{Code, Fault};

use crate::limits;
use crate::store::intercepts::Intercept;

/// Refuses what no cluster would take, before anything begins. What is left of the rules is the cluster's to check.
pub(super) fn well_formed(intercept: &Intercept) -> Result<(), Fault> {
    label("the name of an intercept", &intercept.name, limits::INTERCEPT_NAME)?;
    label("a namespace", &intercept.namespace, api::LABEL as usize)?;
    name("a workload", &intercept.workload.name)?;
    if let Some(container) = &intercept.container {
        label("a container", container, api::LABEL as usize)?;
    }
    let bad = |detail: String| Err(Fault::new(Code::BadArgument, detail));
    let ports = &intercept.ports;
    if ports.len() > api::PORTS as usize {
        return bad(format!("an intercept can have {} ports; {} were asked for", api::PORTS, ports.len()));
    }
    match intercept.mode {
        Mode::Ingest if !ports.is_empty() => return bad("an ingest takes no traffic, so no ports either".to_owned()),
        Mode::Intercept | Mode::Wiretap if ports.is_empty() => return bad("no port is named".to_owned()),
        Mode::Replace | Mode::Ingest if intercept.filters.is_some() => {
            return bad("only the modes intercept and wiretap choose among requests".to_owned());
        }
        _ => {}
    }
    for (index, port) in ports.iter().enumerate() {
        if port.local_port == 0 {
            return bad(format!("0 is no local port for {}", words(port)));
        }
        let same = |other: &&InterceptPort| {
            other.protocol.unwrap_or_default() == port.protocol.unwrap_or_default() && other.port == port.port
        };
        if ports[..index].iter().any(|other| same(&other)) {
            return bad(format!("the port {} is named twice", words(port)));
        }
    }
    Ok(())
}

/// Whether asking for `wanted` while `present` is there changes nothing.
pub(super) fn is_same(present: &Intercept, wanted: &Intercept) -> Result<(), Fault> {
    if present.same(wanted) {
        return Ok(());
    }
    let (name, place) = (&present.name, &present.workload.name);
    let detail = format!("the intercept {name}, of {place} in {}, is another one", present.namespace);
    let fix = format!("Leave it first with: hawser leave {name}; or choose another name with --name.");
    Err(Fault::new(Code::InterceptExists, detail).with_fix(fix))
}

/// Whether there is room for another one beside these, which are all of the same user.
pub(super) fn fits(wanted: &Intercept, owned: &[&Intercept]) -> Result<(), Fault> {
    let path = wanted.mount.as_ref().map(|mount| &mount.path);
    let same_path = |other: &&&Intercept| path.is_some() && other.mount.as_ref().map(|mount| &mount.path) == path;
    if let Some(other) = owned.iter().find(same_path) {
        let detail = format!("the files of the intercept {} are mounted there", other.name);
        return Err(Fault::new(Code::MountPointUnusable, detail));
    }
    let others: Vec<_> = owned.iter().filter(|other| other.connection == wanted.connection).collect();
    if others.len() >= limits::INTERCEPTS {
        let detail = format!("the connection {} has {} intercepts already", wanted.connection.name, others.len());
        return Err(Fault::new(Code::LimitReached, detail));
    }
    for ((kind, port), address) in wanted.handlers() {
        for other in &others {
            let taken = other.handlers().find(|(theirs, elsewhere)| *theirs == (kind, port) && *elsewhere != address);
            if let Some((_, elsewhere)) = taken {
                let detail = format!(
                    "the intercept {} delivers local port {port} to {}, not to {}",
                    other.name,
                    elsewhere.ip(),
                    address.ip()
                );
                let fix = format!("Leave it with: hawser leave {}; or choose another local port.", other.name);
                return Err(Fault::new(Code::LocalPortTaken, detail).with_fix(fix));
            }
        }
    }
    Ok(())
}

/// A DNS label (RFC 1123, section 2.1) of limited length.
fn label(what: &str, text: &str, longest: usize) -> Result<(), Fault> {
    let good = !text.is_empty() && text.len() <= longest && is_label(text);
    if good { Ok(()) } else { Err(cannot_be(what, text)) }
}

/// A DNS name (RFC 1123, section 2.1).
fn name(what: &str, text: &str) -> Result<(), Fault> {
    let good = text.len() <= api::NAME as usize && text.split('.').all(is_label);
    if good { Ok(()) } else { Err(cannot_be(what, text)) }
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn cannot_be(what: &str, text: &str) -> Fault {
    let shown: String = text.chars().take(api::LABEL as usize).collect();
    Fault::new(Code::BadArgument, format!("{shown:?} cannot be {what}"))
        .with_fix("Kubernetes' names have lower-case letters, digits and hyphens between them.")
}

fn words(port: &InterceptPort) -> String {
    let name = match &port.port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    match port.protocol.unwrap_or_default() {
        Protocol::Tcp => name,
        Protocol::Udp => format!("{name}/udp"),
    }
}

#[cfg(test)]
mod tests {
    use hawser_api::{Filters, HttpFilter, HttpMethod};

    use super::*;
    use crate::store::desired::Id;
    use crate::store::intercepts::Mount;
    use crate::store::intercepts::tests::{intercept, port};

    fn wanted() -> Intercept {
        intercept(&Id { owner: 1000, name: "shop".to_owned() }, "web")
    }

    #[test]
    fn what_no_cluster_would_take() {
        assert_eq!(well_formed(&wanted()), Ok(()));
        let http = HttpFilter { headers: Vec::new(), path: None, method: Some(HttpMethod::Get) };
        let filters = Some(Filters { http: Some(http) });
        let both = vec![port("dns", Protocol::Tcp, 5353), port("dns", Protocol::Udp, 5353)];
        assert_eq!(well_formed(&Intercept { ports: both, ..wanted() }), Ok(()));
        assert_eq!(well_formed(&Intercept { mode: Mode::Ingest, ports: Vec::new(), ..wanted() }), Ok(()));
        for (bad, word) in [
            (Intercept { name: "Web".to_owned(), ..wanted() }, "\"Web\""),
            (Intercept { name: "w".repeat(58), ..wanted() }, "www"),
            (Intercept { namespace: "a/b".to_owned(), ..wanted() }, "a/b"),
            (Intercept { namespace: String::new(), ..wanted() }, "a namespace"),
            (Intercept { container: Some("-".to_owned()), ..wanted() }, "a container"),
            (Intercept { ports: Vec::new(), ..wanted() }, "no port"),
            (Intercept { ports: vec![port("http", Protocol::Tcp, 0)], ..wanted() }, "no local port"),
            (
                Intercept { ports: vec![port("http", Protocol::Tcp, 1), port("http", Protocol::Tcp, 2)], ..wanted() },
                "twice",
            ),
            (Intercept { ports: vec![port("http", Protocol::Tcp, 1); 65], ..wanted() }, "65 were asked for"),
            (Intercept { mode: Mode::Ingest, ..wanted() }, "takes no traffic"),
            (Intercept { mode: Mode::Replace, filters, ..wanted() }, "choose among requests"),
        ] {
            let fault = well_formed(&bad).unwrap_err();
            assert_eq!(fault.code, Code::BadArgument);
            assert!(fault.detail.contains(word), "{fault}");
        }
    }

    #[test]
    fn one_local_port_leads_to_one_place() {
        let elsewhere =
            |name: &str| Intercept { name: name.to_owned(), address: "192.0.2.7".parse().unwrap(), ..wanted() };
        assert_eq!(fits(&wanted(), &[&wanted()]), Ok(()), "the same handler may answer for two");
        let fault = fits(&elsewhere("api"), &[&wanted()]).unwrap_err();
        assert_eq!(fault.code, Code::LocalPortTaken);
        assert!(fault.detail.contains("intercept web ") && fault.fix.contains("leave web"), "{fault}");
        let udp = Intercept { ports: vec![port("http", Protocol::Udp, 8080)], ..elsewhere("api") };
        assert_eq!(fits(&udp, &[&wanted()]), Ok(()));
        let mount = Some(Mount { path: "/mnt".to_owned(), read_only: false });
        let with_files = |name: &str| Intercept { name: name.to_owned(), mount: mount.clone(), ..wanted() };
        let fault = fits(&with_files("api"), &[&with_files("web")]).unwrap_err();
        assert_eq!(fault.code, Code::MountPointUnusable);
        let many = vec![wanted(); limits::INTERCEPTS];
        let others: Vec<&Intercept> = many.iter().collect();
        assert_eq!(fits(&wanted(), &others).unwrap_err().code, Code::LimitReached);
    }

    #[test]
    fn the_same_again_is_no_other() {
        assert_eq!(is_same(&wanted(), &wanted()), Ok(()));
        let fault = is_same(&wanted(), &Intercept { mode: Mode::Wiretap, ..wanted() }).unwrap_err();
        assert_eq!(fault.code, Code::InterceptExists);
    }
}
