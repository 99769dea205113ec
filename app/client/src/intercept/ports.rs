//! Which ports somebody means.

use std::str::FromStr;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptPort, Port, Service};

use super::workload::{CHOICES, Found};
use crate::some_of;

/// A port as it is typed: `LOCAL[:PORT][/tcp or /udp]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPort {
    /// On this computer.
    pub local: u16,
    /// Of a service of the workload or of its container, by name or number; without it the workload's only one.
    pub port: Option<String>,
    /// UDP, else TCP.
    pub udp: bool,
}

impl FromStr for AskedPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (ports, udp) = match text.rsplit_once('/') {
            None => (text, false),
            Some((ports, protocol)) if protocol.eq_ignore_ascii_case("tcp") => (ports, false),
            Some((ports, protocol)) if protocol.eq_ignore_ascii_case("udp") => (ports, true),
            Some((_, other)) => return Err(format!("{other:?} is neither tcp nor udp")),
        };
        let (local, port) = match ports.split_once(':') {
            None => (ports, None),
            Some((local, port)) => (local, Some(port)),
        };
        let local = local.parse().ok().filter(|local| *local > 0);
        let local =
            local.ok_or_else(|| "it begins with the port on this computer, as in 8080 or 8080:http".to_owned())?;
        if port == Some("") {
            return Err("there is no port after the colon".to_owned());
        }
        Ok(Self { local, port: port.map(str::to_owned), udp })
    }
}

/// The ports that are meant; the workload's only one if none was named.
///
/// # Errors
/// `port-unknown` and `port-ambiguous`.
pub fn choose(workload: &Found, asked: &[AskedPort]) -> Result<Vec<InterceptPort>, Fault> {
    if asked.is_empty() {
        let port = only(workload, None)?;
        let local_port = port.target.parse().unwrap_or(port.number);
        return Ok(vec![InterceptPort { port: name_of(port), udp: port.protocol == "UDP", local_port }]);
    }
    let chosen = |asked: &AskedPort| {
        let port = match &asked.port {
            Some(port) => port.clone(),
            None => name_of(only(workload, Some(asked.udp))?),
        };
        Ok(InterceptPort { port, udp: asked.udp, local_port: asked.local.into() })
    };
    asked.iter().map(chosen).collect()
}

/// The workload's only port of a protocol. Several services may lead to it.
fn only(workload: &Found, udp: Option<bool>) -> Result<&Port, Fault> {
    let fits = |port: &&Port| match udp {
        None => port.protocol == "TCP" || port.protocol == "UDP",
        Some(udp) => port.protocol == if udp { "UDP" } else { "TCP" },
    };
    let mut ports: Vec<&Port> = Vec::new();
    for port in workload.services.iter().flat_map(|service: &Service| &service.ports).filter(fits) {
        if !ports.iter().any(|known| known.target == port.target && known.protocol == port.protocol) {
            ports.push(port);
        }
    }
    let name = format!("{}/{}", workload.kind.to_lowercase(), workload.name);
    match ports.as_slice() {
        [only] => Ok(only),
        [] => Err(Fault::new(Code::PortUnknown, format!("no service says which ports {name} has"))
            .with_fix("Name a port of its container with: --port LOCAL:PORT")),
        several => {
            let choices: Vec<String> = several.iter().map(|port| words(port)).collect();
            Err(Fault::new(Code::PortAmbiguous, format!("{name} has the ports {}", some_of(&choices, CHOICES))))
        }
    }
}

fn name_of(port: &Port) -> String {
    if port.name.is_empty() { port.number.to_string() } else { port.name.clone() }
}

/// As it can be typed after a colon.
fn words(port: &Port) -> String {
    let protocol = if port.protocol == "UDP" { "/udp" } else { "" };
    format!("{}{protocol}", name_of(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(ports: &[&[(&str, u32, &str, &str)]]) -> Found {
        let port = |(name, number, protocol, target): &(&str, u32, &str, &str)| Port {
            name: (*name).to_owned(),
            number: *number,
            protocol: (*protocol).to_owned(),
            target: (*target).to_owned(),
        };
        let service = |ports: &&[(&str, u32, &str, &str)]| Service {
            ports: ports.iter().map(port).collect(),
            ..Service::default()
        };
        Found { kind: "Deployment".to_owned(), name: "web".to_owned(), services: ports.iter().map(service).collect() }
    }

    fn chosen(workload: &Found, asked: &[&str]) -> Result<Vec<(String, bool, u32)>, Code> {
        let asked: Vec<AskedPort> = asked.iter().map(|text| text.parse().unwrap()).collect();
        let ports = choose(workload, &asked).map_err(|fault| fault.code)?;
        Ok(ports.into_iter().map(|port| (port.port, port.udp, port.local_port)).collect())
    }

    #[test]
    fn what_can_be_typed() {
        let parsed = |text: &str| text.parse::<AskedPort>().map(|port| (port.local, port.port, port.udp));
        assert_eq!(parsed("8080"), Ok((8080, None, false)));
        assert_eq!(parsed("8080:http"), Ok((8080, Some("http".to_owned()), false)));
        assert_eq!(parsed("8080:80/TCP"), Ok((8080, Some("80".to_owned()), false)));
        assert_eq!(parsed("5353:dns/udp"), Ok((5353, Some("dns".to_owned()), true)));
        assert_eq!(parsed("5353/udp"), Ok((5353, None, true)));
        for text in ["", "http", "0", "65536", "80:", "80/sctp", ":80", "-1"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_only_port_need_not_be_named() {
        let one = workload(&[&[("http", 80, "TCP", "8080")], &[("", 8080, "TCP", "8080")]]);
        assert_eq!(chosen(&one, &[]), Ok(vec![("http".to_owned(), false, 8080)]), "two services lead to it");
        assert_eq!(chosen(&one, &["3000"]), Ok(vec![("http".to_owned(), false, 3000)]));
        let named = workload(&[&[("", 80, "TCP", "web")]]);
        assert_eq!(chosen(&named, &[]), Ok(vec![("80".to_owned(), false, 80)]));
    }

    #[test]
    fn of_several_one_has_to_be_named() {
        let dns =
            workload(&[&[("dns", 53, "UDP", "53"), ("dns-tcp", 53, "TCP", "53"), ("metrics", 9153, "TCP", "9153")]]);
        assert_eq!(chosen(&dns, &[]), Err(Code::PortAmbiguous));
        assert_eq!(chosen(&dns, &["5353"]), Err(Code::PortAmbiguous));
        assert_eq!(chosen(&dns, &["5353/udp"]), Ok(vec![("dns".to_owned(), true, 5353)]));
        assert_eq!(chosen(&dns, &["5353:53"]), Ok(vec![("53".to_owned(), false, 5353)]));
        let fault = choose(&dns, &[]).unwrap_err();
        assert!(fault.detail.ends_with("dns/udp, dns-tcp, metrics"), "{fault}");
        assert_eq!(chosen(&workload(&[]), &[]), Err(Code::PortUnknown));
        assert_eq!(chosen(&workload(&[]), &["80:8080"]), Ok(vec![("8080".to_owned(), false, 80)]));
    }
}
