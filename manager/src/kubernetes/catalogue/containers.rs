//! The containers of a workload's pods, as its template has them.

use hawser_tunnel::proto::{Container, ContainerList, ContainerPort, Namespace};
use k8s_openapi::api::core::v1::{self, PodSpec, PodTemplateSpec};

use crate::injection::{AGENT, has_files};
use crate::limits;

/// Those that an intercept may be of: neither init containers nor an agent. `None` if there are more than are told.
pub fn told(template: &PodTemplateSpec) -> Option<ContainerList> {
    let spec = template.spec.as_ref()?;
    let own: Vec<&v1::Container> = spec.containers.iter().filter(|container| container.name != AGENT).collect();
    let ports = |container: &v1::Container| container.ports.as_ref().map_or(0, Vec::len);
    if own.len() > limits::CONTAINERS || own.iter().any(|container| ports(container) > limits::CONTAINER_PORTS) {
        return None;
    }
    let container = |container: &&v1::Container| Container {
        name: container.name.clone(),
        ports: container.ports.iter().flatten().map(port).collect(),
        has_files: has_files(template, container),
    };
    Some(ContainerList { containers: own.iter().map(container).collect() })
}

fn port(port: &v1::ContainerPort) -> ContainerPort {
    ContainerPort {
        name: port.name.clone().unwrap_or_default(),
        number: u32::try_from(port.container_port).unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
    }
}

/// What ports are looked up in, and no more.
pub fn looked_up(template: &PodTemplateSpec) -> PodSpec {
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    let container = |container: &v1::Container| v1::Container {
        name: container.name.clone(),
        ports: container.ports.clone(),
        ..v1::Container::default()
    };
    PodSpec { containers: containers.map(container).collect(), ..PodSpec::default() }
}

/// Leaves out the lists that would make an answer longer than it may be. `left` counts containers and their ports.
pub fn bound(namespaces: &mut [Namespace], mut left: usize) {
    for workload in namespaces.iter_mut().flat_map(|namespace| &mut namespace.workloads) {
        let containers = workload.containers.iter().flat_map(|list| &list.containers);
        let length: usize = containers.map(|container| 1 + container.ports.len()).sum();
        if length > left {
            workload.containers = None;
        } else {
            left -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_tunnel::proto::Workload;
    use serde_json::{Value, json};

    fn template(containers: Value, more: &Value) -> PodTemplateSpec {
        let mut spec = json!({ "containers": containers, "automountServiceAccountToken": false });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let metadata = json!({ "annotations": { "hawser.dev/volumes": "cache=ignore" } });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    #[test]
    fn an_intercept_may_be_of_the_app_s_own_containers() {
        let mount = |name: &str| json!([{ "name": name, "mountPath": format!("/{name}") }]);
        let containers = json!([
            { "name": "web", "ports": [
                { "name": "http", "containerPort": 8080 },
                { "containerPort": 53, "protocol": "UDP" },
            ], "volumeMounts": mount("data") },
            { "name": "cache", "volumeMounts": mount("cache") },
            { "name": "bare" },
            { "name": "hawser-agent", "ports": [{ "name": "http", "containerPort": 41_000 }] },
        ]);
        let init = json!({ "initContainers": [{ "name": "wait" }, { "name": "hawser-agent" }] });
        let list = told(&template(containers, &init)).unwrap().containers;
        let seen: Vec<(&str, bool)> = list.iter().map(|one| (one.name.as_str(), one.has_files)).collect();
        assert_eq!(seen, [("web", true), ("cache", false), ("bare", false)]);
        let port = |name: &str, number, protocol: &str| ContainerPort {
            name: name.to_owned(),
            number,
            protocol: protocol.to_owned(),
        };
        assert_eq!(list[0].ports, [port("http", 8080, "TCP"), port("", 53, "UDP")]);
    }

    #[test]
    fn a_service_account_s_token_is_a_file_too() {
        let has_files =
            |more: &Value| told(&template(json!([{ "name": "web" }]), more)).unwrap().containers[0].has_files;
        assert!(!has_files(&json!({})));
        assert!(has_files(&json!({ "automountServiceAccountToken": true })));
        assert!(has_files(&json!({ "automountServiceAccountToken": null })), "it is the default");
    }

    #[test]
    fn of_more_than_can_be_told_none_is() {
        let containers =
            |count: usize| Value::from((0..count).map(|at| json!({ "name": format!("c{at}") })).collect::<Vec<_>>());
        let none = json!({});
        assert_eq!(
            told(&template(containers(limits::CONTAINERS), &none)).unwrap().containers.len(),
            limits::CONTAINERS
        );
        assert_eq!(told(&template(containers(limits::CONTAINERS + 1), &none)), None);
        let ports = |count: usize| {
            let ports: Vec<Value> = (1..=count).map(|port| json!({ "containerPort": port })).collect();
            told(&template(json!([{ "name": "web", "ports": ports }]), &none)).is_some()
        };
        assert!(ports(limits::CONTAINER_PORTS) && !ports(limits::CONTAINER_PORTS + 1));
    }

    #[test]
    fn what_would_make_an_answer_too_long_is_left_out() {
        let list = told(&template(json!([{ "name": "web" }]), &json!({}))).unwrap();
        let workload = Workload { containers: Some(list), ..Workload::default() };
        let namespace = |count| Namespace { workloads: vec![workload.clone(); count], ..Namespace::default() };
        let mut namespaces = [namespace(2), namespace(2)];
        bound(&mut namespaces, 3);
        let told: Vec<bool> =
            namespaces.iter().flat_map(|one| &one.workloads).map(|one| one.containers.is_some()).collect();
        assert_eq!(told, [true, true, true, false]);
    }
}
