//! Which container an intercept is of while none is named. The manager judges by the same rules.

use std::collections::BTreeSet;

use hawser_ipc::proto::{Container, ContainerPort, InterceptPort, Port};

use super::workload::Found;

/// The container whose environment and files an intercept gives, and which it may replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// The first one: there is no port to find it by.
    First(String),
    /// The one that declares the port.
    Declaring(String),
    /// The first one: none declares the port of this number.
    Undeclared(String, u32),
    /// None: no container has a port that is called so.
    None(String),
    /// One of these: each has a port that is called so.
    Several(Vec<String>, String),
}

impl Meant {
    /// The container, if it's one.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::First(name) | Self::Declaring(name) | Self::Undeclared(name, _) => Some(name),
            Self::None(_) | Self::Several(..) => None,
        }
    }
}

/// The container that is meant by the first port of an intercept, if it has one. `containers` are all of the workload's pods.
pub fn meant(containers: &[Container], workload: &Found, port: Option<&InterceptPort>) -> Meant {
    let first = containers.first().map(|container| container.name.clone()).unwrap_or_default();
    let Some(port) = port else { return Meant::First(first) };
    let protocol = if port.udp { "UDP" } else { "TCP" };
    let is_asked =
        |name: &str, number: u32| port.port.parse().map_or_else(|_| port.port == name, |asked: u32| asked == number);
    let declared: Vec<(&str, &ContainerPort)> = containers
        .iter()
        .flat_map(|container| container.ports.iter().map(|port| (container.name.as_str(), port)))
        .filter(|(_, port)| port.protocol == protocol)
        .collect();
    let targets = |port: &Port| match port.target.parse() {
        Ok(number) => vec![number],
        Err(_) => declared.iter().filter(|(_, one)| one.name == port.target).map(|(_, one)| one.number).collect(),
    };
    let of_services: Vec<&Port> = workload
        .services
        .iter()
        .flat_map(|service| &service.ports)
        .filter(|port| port.protocol == protocol && is_asked(&port.name, port.number))
        .collect();
    let own = declared.iter().filter(|(_, port)| is_asked(&port.name, port.number)).map(|(_, port)| port.number);
    let places: BTreeSet<u32> = of_services.iter().flat_map(|port| targets(port)).chain(own).collect();
    let called = || of_services.first().map_or(&port.port, |port| &port.target).clone();
    let declaring = |place: u32| declared.iter().filter(move |(_, port)| port.number == place).map(|(name, _)| *name);
    match (places.first().copied(), places.len()) {
        (Some(place), 1) => declaring(place)
            .next()
            .map_or_else(|| Meant::Undeclared(first, place), |name| Meant::Declaring(name.to_owned())),
        (None, _) => Meant::None(called()),
        _ => {
            let several: BTreeSet<&str> = places.iter().copied().flat_map(declaring).collect();
            Meant::Several(several.into_iter().map(str::to_owned).collect(), called())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_ipc::proto::Service;

    fn container(name: &str, ports: &[(&str, u32, &str)]) -> Container {
        let port = |(name, number, protocol): &(&str, u32, &str)| ContainerPort {
            name: (*name).to_owned(),
            number: *number,
            protocol: (*protocol).to_owned(),
        };
        Container { name: name.to_owned(), ports: ports.iter().map(port).collect(), has_files: false }
    }

    fn found(container: &str, udp: bool) -> Meant {
        let containers = [
            self::container("proxy", &[("admin", 9901, "TCP"), ("both", 7000, "TCP")]),
            self::container("web", &[("http", 8080, "TCP"), ("dns", 53, "UDP"), ("both", 7001, "TCP")]),
        ];
        let port = |name: &str, number, protocol: &str, target: &str| Port {
            name: name.to_owned(),
            number,
            protocol: protocol.to_owned(),
            target: target.to_owned(),
        };
        let ports = vec![
            port("web", 80, "TCP", "http"),
            port("dns", 53, "UDP", "53"),
            port("lost", 81, "TCP", "gone"),
            port("two", 82, "TCP", "both"),
            port("plain", 83, "TCP", "4444"),
        ];
        let services = vec![Service { ports, ..Service::default() }];
        let workload = Found { kind: "Deployment".to_owned(), name: "web".to_owned(), services };
        let port = InterceptPort { port: container.to_owned(), udp, local_port: 1 };
        meant(&containers, &workload, Some(&port))
    }

    #[test]
    fn a_port_leads_to_the_container_that_declares_its_target() {
        let declaring = |name: &str| Meant::Declaring(name.to_owned());
        assert_eq!(found("web", false), declaring("web"), "by the name of the service's port");
        assert_eq!(found("80", false), declaring("web"), "by its number");
        assert_eq!(found("http", false), declaring("web"), "by the container's");
        assert_eq!(found("9901", false), declaring("proxy"));
        assert_eq!(found("dns", true), declaring("web"));
    }

    #[test]
    fn where_it_leads_to_none_or_several_that_is_said() {
        let several = Meant::Several(vec!["proxy".to_owned(), "web".to_owned()], "both".to_owned());
        assert_eq!((found("two", false).container(), found("two", false)), (None, several.clone()));
        assert_eq!(found("both", false), several);
        assert_eq!(found("lost", false), Meant::None("gone".to_owned()));
        assert_eq!(found("nowhere", false), Meant::None("nowhere".to_owned()));
        assert_eq!(found("dns", false), Meant::None("dns".to_owned()), "that is UDP");
        assert_eq!(found("plain", false), Meant::Undeclared("proxy".to_owned(), 4444));
    }

    #[test]
    fn without_a_port_it_is_the_first() {
        let containers = [container("proxy", &[]), container("web", &[("http", 8080, "TCP")])];
        let workload = Found { kind: "Deployment".to_owned(), name: "web".to_owned(), services: Vec::new() };
        let meant = meant(&containers, &workload, None);
        assert_eq!((meant.container(), meant.clone()), (Some("proxy"), Meant::First("proxy".to_owned())));
    }
}
