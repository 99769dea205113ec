//! Manifests with an agent in them, for whoever keeps them in git. Pure: what they need to know of a cluster is given.

use hawser_fault::{Code, Fault};
use k8s_openapi::api::core::v1::{self, Pod};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::present::config;
use super::resolution::{Seen, Service, ServicePort};
use super::{AGENT, HandOver, Port, Sidecar, inject};

/// The kinds of workloads that can be intercepted.
const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];

/// What comes of a document of a manifest; `None` if it stays as it is: it has no pods that can be intercepted, or has an agent.
///
/// All ports that have a name are handed over, and those `more` by their numbers. `all` are the documents of the same manifest:
/// the services among them say how ports are known.
///
/// # Errors
/// Those of [`inject`]; `bad-argument` if it can't be read.
pub fn with_agent(document: &Value, all: &[Value], more: &[Port], sidecar: &Sidecar) -> Result<Option<Value>, Fault> {
    if let Some(items) = document["items"].as_array().filter(|_| document["kind"] == "List") {
        return of_list(document, items, all, more, sidecar);
    }
    let is_workload = KINDS.iter().any(|kind| document["kind"] == *kind);
    let template = &document["spec"]["template"];
    if !is_workload || !template.is_object() {
        return Ok(None);
    }
    let name = document["metadata"]["name"].as_str().unwrap_or_default();
    let place = |fault: Fault| {
        let detail = format!("{} {name}: {}", document["kind"].as_str().unwrap_or_default(), fault.detail);
        Fault { detail, ..fault }
    };
    let pod = json!({ "metadata": template.get("metadata").unwrap_or(&json!({})), "spec": template["spec"] });
    let typed: Pod = serde_json::from_value(pod.clone())
        .map_err(|error| place(Fault::new(Code::BadArgument, format!("its pods cannot be read: {error}"))))?;
    let spec = typed.spec.clone().unwrap_or_default();
    let services = services(document, &typed, all);
    let mut want = Seen { spec: &spec, services: &services }.want_of_willing(&[]);
    want.ports.extend(more.iter().map(|port| (*port, HandOver::Redirect)));
    let patch = inject(&pod, &want, sidecar).map_err(place)?;
    if patch.is_empty() {
        return Ok(None);
    }
    let mut changed = pod;
    json_patch::patch(&mut changed, &patch)
        .map_err(|error| place(Fault::new(Code::Internal, format!("its pods cannot be changed: {error}"))))?;
    let mut result = document.clone();
    result["spec"]["template"]["spec"] = changed["spec"].take();
    Ok(Some(result))
}

/// What the agents of a cluster have in common, as one of its pods with an agent has it.
pub fn settings(pod: &Pod) -> Option<Sidecar> {
    let spec = pod.spec.as_ref()?;
    let of = |containers: &[v1::Container]| containers.iter().find(|container| container.name == AGENT).cloned();
    let native = spec.init_containers.as_deref().and_then(of);
    let (agent, native) = match native {
        Some(agent) => (agent, true),
        None => (of(&spec.containers)?, false),
    };
    let config = config(&agent)?;
    Some(Sidecar {
        image: agent.image?,
        pull_policy: agent.image_pull_policy.unwrap_or_default(),
        resources: serde_json::to_value(agent.resources.unwrap_or_default()).ok()?,
        native,
        manager: config.manager,
        manager_name: config.manager_name,
        authority: config.authority,
    })
}

fn of_list(
    list: &Value,
    items: &[Value],
    all: &[Value],
    more: &[Port],
    sidecar: &Sidecar,
) -> Result<Option<Value>, Fault> {
    let all: Vec<Value> = all.iter().chain(items).cloned().collect();
    let mut result = list.clone();
    let mut any = false;
    for (index, item) in items.iter().enumerate() {
        if let Some(changed) = with_agent(item, &all, more, sidecar)? {
            result["items"][index] = changed;
            any = true;
        }
    }
    Ok(any.then_some(result))
}

/// The services that lead to these pods. A namespace that isn't written is the same one.
fn services(workload: &Value, pod: &Pod, all: &[Value]) -> Vec<Service> {
    let namespace = |object: &Value| object["metadata"]["namespace"].as_str().map(str::to_owned);
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let mut found = Vec::new();
    for object in all.iter().filter(|object| object["kind"] == "Service" && namespace(object) == namespace(workload)) {
        let Ok(service) = serde_json::from_value::<v1::Service>(object.clone()) else { continue };
        let spec = service.spec.unwrap_or_default();
        let selector = spec.selector.unwrap_or_default();
        if selector.is_empty() || !selector.iter().all(|(key, value)| labels.get(key) == Some(value)) {
            continue;
        }
        let port = |port: &v1::ServicePort| {
            Some(ServicePort {
                name: port.name.clone().unwrap_or_default(),
                number: u16::try_from(port.port).ok()?,
                udp: port.protocol.as_deref() == Some("UDP"),
                target: port.target_port.clone().unwrap_or(IntOrString::Int(port.port)),
            })
        };
        found.push(Service {
            name: service.metadata.name.unwrap_or_default(),
            headless: spec.cluster_ip.as_deref() == Some("None"),
            ports: spec.ports.iter().flatten().filter_map(port).collect(),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar() -> Sidecar {
        Sidecar {
            image: "hawser.dev/hawser:dev".to_owned(),
            pull_policy: "Never".to_owned(),
            resources: json!({ "limits": { "memory": "64Mi" } }),
            native: true,
            manager: "hawser-manager-agents.hawser.svc:7301".to_owned(),
            manager_name: "hawser-manager-agents.hawser.svc".to_owned(),
            authority: "-----BEGIN CERTIFICATE-----\n".to_owned(),
        }
    }

    fn workload(kind: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "replicas": 2, "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "app", "image": "app:1", "ports": [
                    { "name": "http", "containerPort": 8080 }, { "name": "raw", "containerPort": 9000 },
                ] }] },
            } },
        })
    }

    fn pod(document: &Value) -> Pod {
        serde_json::from_value(document["spec"]["template"].clone()).unwrap()
    }

    #[test]
    fn every_kind_gets_an_agent_once_and_nothing_else_changes() {
        for kind in KINDS {
            let document = workload(kind);
            let changed = with_agent(&document, &[], &[], &sidecar()).unwrap().unwrap();
            let spec = &changed["spec"]["template"]["spec"];
            assert_eq!(spec["initContainers"][0]["name"], AGENT);
            assert_eq!(spec["containers"][0]["ports"][0]["name"], "hawser-app-0");
            assert_eq!(with_agent(&changed, &[], &[], &sidecar()).unwrap(), None, "a second time");
            let mut rest = changed.clone();
            rest["spec"]["template"]["spec"] = document["spec"]["template"]["spec"].clone();
            assert_eq!(rest, document);
        }
        for other in [workload("DaemonSet"), workload("Job"), json!({ "kind": "Deployment", "spec": {} }), Value::Null]
        {
            assert_eq!(with_agent(&other, &[], &[], &sidecar()).unwrap(), None);
        }
    }

    #[test]
    fn services_beside_it_and_arguments_say_which_ports_are_handed_over() {
        let service = |namespace: &str| {
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "raw", "namespace": namespace },
                "spec": { "selector": { "app": "web" }, "ports": [{ "port": 9000 }] } })
        };
        let stands_before = |all: &[Value], more: &[Port]| {
            let changed = with_agent(&workload("Deployment"), all, more, &sidecar()).unwrap().unwrap();
            let present = super::super::present(&pod(&changed)).unwrap();
            (present.ports.len(), present.redirected.len())
        };
        assert_eq!(stands_before(&[], &[]), (2, 0));
        assert_eq!(stands_before(&[service("shop")], &[]), (1, 0), "one known by number takes a privilege");
        assert_eq!(stands_before(&[service("team")], &[]), (2, 0), "another namespace's");
        let raw = Port { number: 9000, udp: false };
        assert_eq!(stands_before(&[service("shop")], &[raw]), (2, 1));
    }

    #[test]
    fn items_of_a_list_are_documents() {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [workload("Job"), workload("Deployment")] });
        let changed = with_agent(&list, &[], &[], &sidecar()).unwrap().unwrap();
        assert_eq!(changed["items"][0], list["items"][0]);
        assert_eq!(changed["items"][1]["spec"]["template"]["spec"]["initContainers"][0]["name"], AGENT);
        assert_eq!(with_agent(&changed, &[], &[], &sidecar()).unwrap(), None);
    }

    #[test]
    fn what_cannot_have_one_is_named() {
        let mut document = workload("Deployment");
        document["spec"]["template"]["spec"]["hostNetwork"] = true.into();
        let fault = with_agent(&document, &[], &[], &sidecar()).unwrap_err();
        assert_eq!(fault.code, Code::InjectionImpossible);
        assert!(fault.detail.starts_with("Deployment web: "), "{fault}");
        document["spec"]["template"]["spec"] = json!({ "containers": 7 });
        assert_eq!(with_agent(&document, &[], &[], &sidecar()).unwrap_err().code, Code::BadArgument);
    }

    #[test]
    fn settings_are_read_off_an_agent_again() {
        for native in [true, false] {
            let sidecar = Sidecar { native, ..sidecar() };
            let changed = with_agent(&workload("Deployment"), &[], &[], &sidecar).unwrap().unwrap();
            let read = settings(&pod(&changed)).unwrap();
            let again = with_agent(&workload("Deployment"), &[], &[], &read).unwrap().unwrap();
            assert_eq!(again, changed);
        }
        assert!(settings(&pod(&workload("Deployment"))).is_none());
    }
}
