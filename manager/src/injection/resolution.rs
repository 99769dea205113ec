//! From the ports that an intercept names to those of a pod's containers.

use std::collections::BTreeSet;

use hawser_api::{InterceptPort, InterceptSpec, Mode, Protocol, WorkloadKind};
use hawser_fault::{Code, Fault};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::ports::is;
use super::{HandOver, Port, Want};

/// A service that leads to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Without an address of its own: clients go to the pods'.
    pub headless: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; may be empty.
    pub name: String,
    /// Its number.
    pub number: u16,
    /// UDP, else TCP.
    pub udp: bool,
    /// The pod's port, by number or name.
    pub target: IntOrString,
}

/// A port of an intercept, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPort {
    /// The container that has it.
    pub container: String,
    /// The pod's port.
    pub port: Port,
    /// How an agent gets its traffic.
    pub hand_over: HandOver,
    /// The handler's port on the laptop.
    pub local_port: u16,
}

/// What can be looked at: a pod's containers, and the services that lead to it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The pod's, or those of the template that it's made from.
    pub spec: &'a PodSpec,
    /// In the pod's namespace.
    pub services: &'a [Service],
}

/// A name or number by which a port of the pod is known.
struct Choice<'a> {
    port: Port,
    name: &'a str,
    number: u16,
    container: Option<&'a str>,
    /// The service that it's a port of, else it's the container's.
    service: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// The ports that an intercept is for. With the mode `replace` and none given: all of its container.
    ///
    /// # Errors
    /// `container-unknown`, `port-unknown`, `port-ambiguous`; each says what there is.
    pub fn resolve(self, intercept: &InterceptSpec) -> Result<Vec<ResolvedPort>, Fault> {
        self.check_container(intercept)?;
        if intercept.mode == Mode::Replace && intercept.ports.is_empty() {
            return Ok(self.all_of_container(intercept));
        }
        intercept.ports.iter().map(|port| self.find(intercept, port)).collect()
    }

    /// The container whose environment and files are shown, or which is replaced: the one that is named, else the one with
    /// the first port, else the pod's first.
    ///
    /// # Errors
    /// As [`resolve`](Seen::resolve).
    pub fn container(self, intercept: &InterceptSpec) -> Result<String, Fault> {
        self.check_container(intercept)?;
        if let Some(name) = &intercept.container {
            return Ok(name.clone());
        }
        match intercept.ports.first() {
            Some(port) => self.find(intercept, port).map(|found| found.container),
            None => Ok(self.first_container().to_owned()),
        }
    }

    /// What a pod needs for these intercepts. It also gets what costs no privilege and saves the next intercept from making
    /// the pod anew: all ports that services know by name. What an intercept names that isn't there is left out.
    pub fn want<'b>(self, intercepts: impl IntoIterator<Item = &'b InterceptSpec>) -> Want {
        let mut want = Want::default();
        for port in self.services.iter().flat_map(|service| &service.ports).flat_map(|port| self.targets(port)) {
            if self.hand_over(port) == HandOver::Rename {
                want.ports.insert(port, HandOver::Rename);
            }
        }
        for intercept in intercepts {
            for found in self.resolve(intercept).unwrap_or_default() {
                want.ports.insert(found.port, found.hand_over);
            }
            if intercept.mode == Mode::Replace {
                want.replaced.extend(self.container(intercept).ok());
            }
        }
        want
    }

    /// What a pod needs that asks for an agent: the same, and all ports that have a name. Its services may be yet to come.
    pub fn want_of_willing<'b>(self, intercepts: impl IntoIterator<Item = &'b InterceptSpec>) -> Want {
        let mut want = self.want(intercepts);
        for (port, name) in self.spec.containers.iter().flat_map(declared) {
            if !name.is_empty() && self.known_by_number().all(|known| known != port) {
                want.ports.entry(port).or_insert(HandOver::Rename);
            }
        }
        want
    }

    /// What a pod needs for every port that a service leads to.
    pub fn want_of_services(self) -> Want {
        let all = self.services.iter().flat_map(|service| &service.ports).flat_map(|port| self.targets(port));
        Want { ports: all.map(|port| (port, self.hand_over(port))).collect(), ..Want::default() }
    }

    /// The services that lead to this port, each with the number under which it does.
    pub fn leading_to(self, port: Port) -> Vec<(&'a str, u16)> {
        let all = self.services.iter().flat_map(|service| service.ports.iter().map(move |one| (service, one)));
        let leading = all.filter(|(_, one)| self.targets(one).contains(&port));
        leading.map(|(service, one)| (service.name.as_str(), one.number)).collect()
    }

    fn find(self, intercept: &InterceptSpec, wanted: &InterceptPort) -> Result<ResolvedPort, Fault> {
        let udp = wanted.protocol.unwrap_or_default() == Protocol::Udp;
        let of_container = |choice: &Choice| {
            intercept.container.is_none()
                || choice.container.is_none()
                || intercept.container.as_deref() == choice.container
        };
        let choices: Vec<Choice> = self.choices().into_iter().filter(of_container).collect();
        let is_meant = |choice: &&Choice| match &wanted.port {
            IntOrString::Int(number) => i32::from(choice.number) == *number,
            IntOrString::String(name) => choice.name == name,
        };
        let meant: Vec<&Choice> = choices.iter().filter(|choice| choice.port.udp == udp).filter(is_meant).collect();
        let places: BTreeSet<Port> = meant.iter().map(|choice| choice.port).collect();
        let called = format!("{}/{}", shown(&wanted.port), protocol(udp));
        let list = |choices: &mut dyn Iterator<Item = &Choice>| {
            let names: BTreeSet<String> = choices.map(Choice::describe).collect();
            if names.is_empty() { "none".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
        };
        match (places.first(), places.len()) {
            (Some(port), 1) => Ok(ResolvedPort {
                container: self.container_of(intercept, &meant),
                port: *port,
                hand_over: self.hand_over(*port),
                local_port: wanted.local_port,
            }),
            (None, _) => Err(Fault::new(
                Code::PortUnknown,
                format!("{} has no port {called}; its ports: {}", object(intercept), list(&mut choices.iter())),
            )),
            _ => Err(Fault::new(
                Code::PortAmbiguous,
                format!("{} has several ports {called}: {}", object(intercept), list(&mut meant.iter().copied())),
            )
            .with_fix("Name the container's port by its own name or number, or the container with --container.")),
        }
    }

    fn check_container(self, intercept: &InterceptSpec) -> Result<(), Fault> {
        let Some(name) = &intercept.container else { return Ok(()) };
        if self.spec.containers.iter().any(|container| container.name == *name) {
            return Ok(());
        }
        let names: Vec<&str> = self.spec.containers.iter().map(|container| container.name.as_str()).collect();
        let detail = format!("{} has no container {name}; its containers: {}", object(intercept), names.join(", "));
        Err(Fault::new(Code::ContainerUnknown, detail))
    }

    fn all_of_container(self, intercept: &InterceptSpec) -> Vec<ResolvedPort> {
        let name = intercept.container.as_deref().unwrap_or(self.first_container());
        let container = self.spec.containers.iter().find(|container| container.name == name);
        let ports = container.into_iter().flat_map(declared);
        let found = |(port, _): (Port, &str)| ResolvedPort {
            container: name.to_owned(),
            port,
            hand_over: self.hand_over(port),
            local_port: port.number,
        };
        ports.map(found).collect()
    }

    fn container_of(self, intercept: &InterceptSpec, meant: &[&Choice]) -> String {
        let declaring = meant.iter().find_map(|choice| choice.container);
        declaring.or(intercept.container.as_deref()).unwrap_or(self.first_container()).to_owned()
    }

    fn first_container(self) -> &'a str {
        self.spec.containers.first().map(|container| container.name.as_str()).unwrap_or_default()
    }

    fn choices(self) -> Vec<Choice<'a>> {
        let mut choices = Vec::new();
        for service in self.services {
            for of_service in &service.ports {
                for port in self.targets(of_service) {
                    choices.push(Choice {
                        port,
                        name: &of_service.name,
                        number: of_service.number,
                        container: self.declaring(port),
                        service: Some(&service.name),
                    });
                }
            }
        }
        for container in &self.spec.containers {
            for (port, name) in declared(container) {
                let container = Some(container.name.as_str());
                choices.push(Choice { port, name, number: port.number, container, service: None });
            }
        }
        choices
    }

    /// The pod's ports that a service's leads to: by a name several, or none.
    fn targets(self, port: &ServicePort) -> Vec<Port> {
        match &port.target {
            IntOrString::Int(number) => {
                u16::try_from(*number).into_iter().map(|number| Port { number, udp: port.udp }).collect()
            }
            IntOrString::String(name) => {
                let all = self.spec.containers.iter().flat_map(declared);
                let named: BTreeSet<Port> =
                    all.filter(|(one, called)| called == name && one.udp == port.udp).map(|(one, _)| one).collect();
                named.into_iter().collect()
            }
        }
    }

    fn declaring(self, port: Port) -> Option<&'a str> {
        let declares = |container: &&Container| container.ports.iter().flatten().any(|declared| is(declared, port));
        self.spec.containers.iter().find(declares).map(|container| container.name.as_str())
    }

    /// By its name if whoever comes to the port comes by a service's name for it.
    fn hand_over(self, port: Port) -> HandOver {
        let of_services = self.services.iter().flat_map(|service| &service.ports);
        let is_known = of_services.flat_map(|of_service| self.targets(of_service)).any(|known| known == port);
        if is_known && self.known_by_number().all(|known| known != port) {
            HandOver::Rename
        } else {
            HandOver::Redirect
        }
    }

    /// The pod's ports to which clients come by their numbers.
    fn known_by_number(self) -> impl Iterator<Item = Port> {
        let of_services =
            self.services.iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
        let by_number =
            of_services.filter(|(service, port)| service.headless || matches!(port.target, IntOrString::Int(_)));
        by_number.flat_map(move |(_, port)| self.targets(port))
    }
}

impl Choice<'_> {
    fn describe(&self) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!("{} = ", self.name) };
        let protocol = protocol(self.port.udp);
        match (self.service, self.container) {
            (Some(service), _) => {
                format!("{name}{}/{protocol} (service {service}, pod's {})", self.number, self.port.number)
            }
            (None, Some(container)) => format!("{name}{}/{protocol} (container {container})", self.number),
            (None, None) => format!("{name}{}/{protocol}", self.number),
        }
    }
}

fn declared(container: &Container) -> impl Iterator<Item = (Port, &str)> {
    container.ports.iter().flatten().filter_map(|port| {
        let udp = match port.protocol.as_deref() {
            None | Some("TCP") => false,
            Some("UDP") => true,
            Some(_) => return None,
        };
        let number = u16::try_from(port.container_port).ok()?;
        Some((Port { number, udp }, port.name.as_deref().unwrap_or_default()))
    })
}

fn object(intercept: &InterceptSpec) -> String {
    format!("{} {}", kind(intercept.workload.kind), intercept.workload.name)
}

/// The kind's name in Kubernetes.
pub fn kind(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "Deployment",
        WorkloadKind::StatefulSet => "StatefulSet",
        WorkloadKind::ReplicaSet => "ReplicaSet",
    }
}

fn protocol(udp: bool) -> &'static str {
    if udp { "UDP" } else { "TCP" }
}

fn shown(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_api::Workload;
    use serde_json::{Value, json};

    fn spec() -> PodSpec {
        serde_json::from_value(json!({ "containers": [
            { "name": "web", "ports": [
                { "name": "http", "containerPort": 8080 },
                { "containerPort": 9000 },
                { "name": "dns", "containerPort": 53, "protocol": "UDP" },
            ] },
            { "name": "admin", "ports": [{ "name": "admin", "containerPort": 80 }, { "name": "sctp", "containerPort": 5, "protocol": "SCTP" }] },
        ] }))
        .unwrap()
    }

    fn services() -> Vec<Service> {
        let port = |name: &str, number, udp, target: Value| ServicePort {
            name: name.to_owned(),
            number,
            udp,
            target: serde_json::from_value(target).unwrap(),
        };
        let service = |name: &str, headless, ports| Service { name: name.to_owned(), headless, ports };
        vec![
            service("web", false, vec![port("web", 80, false, json!("http")), port("raw", 90, false, json!(9000))]),
            service("names", true, vec![port("", 53, true, json!("dns"))]),
            service("gone", false, vec![port("gone", 70, false, json!("nowhere"))]),
            service("plain", false, vec![port("", 7777, false, json!(7777))]),
        ]
    }

    fn intercept(mode: Mode, container: Option<&str>, ports: &[(Value, bool)]) -> InterceptSpec {
        InterceptSpec {
            user: "ann".to_owned(),
            session: "ann".to_owned(),
            session_namespace: None,
            workload: Workload { kind: WorkloadKind::Deployment, name: "web".to_owned() },
            container: container.map(str::to_owned),
            mode,
            ports: ports
                .iter()
                .map(|(port, udp)| InterceptPort {
                    port: serde_json::from_value(port.clone()).unwrap(),
                    protocol: udp.then_some(Protocol::Udp),
                    local_port: 1,
                })
                .collect(),
            filters: None,
            until: None,
        }
    }

    fn resolved(container: Option<&str>, port: Value, udp: bool) -> Result<(u16, String, HandOver), Fault> {
        let (spec, services) = (spec(), services());
        let seen = Seen { spec: &spec, services: &services };
        let found = seen.resolve(&intercept(Mode::Intercept, container, &[(port, udp)]))?;
        Ok((found[0].port.number, found[0].container.clone(), found[0].hand_over))
    }

    #[test]
    fn ports_are_known_by_the_service_s_and_the_container_s_names_and_numbers() {
        use HandOver::{Redirect, Rename};
        for (container, port, udp, expected) in [
            (None, json!("web"), false, (8080, "web", Rename)),
            (None, json!("http"), false, (8080, "web", Rename)),
            (None, json!(8080), false, (8080, "web", Rename)),
            (Some("web"), json!(80), false, (8080, "web", Rename)),
            (Some("admin"), json!(80), false, (80, "admin", Redirect)),
            (None, json!("raw"), false, (9000, "web", Redirect)),
            (None, json!(90), false, (9000, "web", Redirect)),
            (None, json!("dns"), true, (53, "web", Redirect)),
            (None, json!(53), true, (53, "web", Redirect)),
            (None, json!(7777), false, (7777, "web", Redirect)),
            (Some("admin"), json!(7777), false, (7777, "admin", Redirect)),
        ] {
            let (number, name, hand_over) = resolved(container, port.clone(), udp).unwrap();
            assert_eq!((number, name.as_str(), hand_over), expected, "{container:?} {port} {udp}");
        }
    }

    #[test]
    fn what_is_not_there_or_not_one_is_refused_with_the_choices() {
        let unknown = resolved(None, json!(81), false).unwrap_err();
        assert_eq!(unknown.code, Code::PortUnknown);
        assert!(unknown.detail.contains("web = 80/TCP (service web, pod's 8080)"), "{unknown}");
        assert!(unknown.detail.contains("dns = 53/UDP (container web)"), "{unknown}");
        assert_eq!(resolved(None, json!("dns"), false).unwrap_err().code, Code::PortUnknown);
        assert_eq!(resolved(None, json!("gone"), false).unwrap_err().code, Code::PortUnknown);
        assert_eq!(resolved(Some("admin"), json!("http"), false).unwrap_err().code, Code::PortUnknown);
        let ambiguous = resolved(None, json!(80), false).unwrap_err();
        assert_eq!(ambiguous.code, Code::PortAmbiguous);
        assert!(ambiguous.detail.contains("admin = 80/TCP (container admin)"), "{ambiguous}");
        let container = resolved(Some("db"), json!(80), false).unwrap_err();
        assert_eq!(container.code, Code::ContainerUnknown);
        assert!(container.detail.ends_with("its containers: web, admin"), "{container}");
    }

    #[test]
    fn pods_get_what_intercepts_and_services_by_name_need() {
        let (spec, services) = (spec(), services());
        let seen = Seen { spec: &spec, services: &services };
        let port = |number| Port { number, udp: false };
        let free = (port(8080), HandOver::Rename);
        assert_eq!(seen.want(&[]).ports.into_iter().collect::<Vec<_>>(), [free]);
        let wanted = seen.want(&[
            intercept(Mode::Intercept, None, &[(json!(90), false), (json!("nowhere"), false)]),
            intercept(Mode::Ingest, Some("web"), &[]),
        ]);
        assert_eq!(
            (wanted.ports.len(), wanted.replaced.len()),
            (1, 0),
            "one port that isn't there spoils its intercept"
        );
        let wanted = seen.want(&[intercept(Mode::Intercept, None, &[(json!(90), false)])]);
        assert_eq!(wanted.ports.into_iter().collect::<Vec<_>>(), [free, (port(9000), HandOver::Redirect)]);
        let willing = Seen { spec: &spec, services: &[] }.want_of_willing(&[]);
        let named: Vec<u16> = willing.ports.keys().map(|port| port.number).collect();
        assert_eq!(named, [53, 80, 8080], "services may come later");
        let named: Vec<u16> = seen.want_of_willing(&[]).ports.keys().map(|port| port.number).collect();
        assert_eq!(named, [80, 8080], "clients come to 53 by its number");
        let wanted = seen.want_of_services();
        let [redirected, renamed] = [HandOver::Redirect, HandOver::Rename].map(|how| {
            wanted.ports.iter().filter(|(_, one)| **one == how).map(|(port, _)| port.number).collect::<Vec<_>>()
        });
        assert_eq!((redirected, renamed), (vec![53, 7777, 9000], vec![8080]));
        let wanted = seen.want(&[intercept(Mode::Replace, Some("admin"), &[])]);
        assert_eq!(wanted.ports.into_iter().collect::<Vec<_>>(), [(port(80), HandOver::Redirect), free]);
        assert_eq!(wanted.replaced.into_iter().collect::<Vec<_>>(), ["admin"]);
    }
}
