//! Network policies that admit clients to a port by its number: those clients would not come to an agent that listens elsewhere.

use std::collections::BTreeMap;

use hawser_fault::{Code, Fault};
use hawser_tunnel::agent::FIRST_PORT;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::{Selector, SelectorExt as _};
use kube::{Api, Client, ResourceExt as _};

use super::loaded::{Loaded, refused};
use crate::injection::{HandOver, Port, Want};

/// Refuses to put an agent before ports that only their numbers open.
///
/// # Errors
/// `injection-impossible`, `rights-missing`, `api-refused`.
pub async fn check(client: &Client, loaded: &Loaded, want: &Want) -> Result<(), Fault> {
    let api: Api<NetworkPolicy> = Api::namespaced(client.clone(), &loaded.namespace);
    let policies = api.list(&kube::api::ListParams::default()).await;
    let policies = policies.map_err(|error| refused(&loaded.namespace, &loaded.workload, &error))?.items;
    let labels = loaded.template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let renamed = want.ports.iter().filter(|(_, hand_over)| **hand_over == HandOver::Rename).map(|(port, _)| *port);
    let Some((policy, port)) = in_the_way(&policies, &labels, renamed) else { return Ok(()) };
    let detail = format!(
        "the network policy {policy} admits clients to port {} by its number, and so not to an agent before it",
        port.number
    );
    let fix =
        format!("Let the policy name the port as the pod does; or let it admit the ports from {FIRST_PORT} on too.");
    Err(Fault::new(Code::InjectionImpossible, detail).with_fix(fix))
}

/// The policy, and the port that it opens by its number alone. How policies add up:
/// <https://kubernetes.io/docs/concepts/services-networking/network-policies/#the-two-sorts-of-pod-isolation>
fn in_the_way(
    policies: &[NetworkPolicy],
    labels: &BTreeMap<String, String>,
    mut ports: impl Iterator<Item = Port>,
) -> Option<(String, Port)> {
    let selects = |policy: &&NetworkPolicy| {
        let selector = policy.spec.as_ref().and_then(|spec| spec.pod_selector.clone()).unwrap_or_default();
        Selector::try_from(selector).is_ok_and(|selector| selector.matches(labels))
    };
    let rules: Vec<(&NetworkPolicy, &NetworkPolicyIngressRule)> = policies
        .iter()
        .filter(selects)
        .flat_map(|policy| policy.spec.iter().flat_map(|spec| &spec.ingress).flatten().map(move |rule| (policy, rule)))
        .collect();
    ports.find_map(|port| {
        let agents = Port { number: FIRST_PORT, udp: port.udp };
        let is_open =
            rules.iter().any(|(_, rule)| rule.from.as_ref().is_none_or(Vec::is_empty) && admits(rule, agents));
        let cuts =
            |(_, rule): &&(&NetworkPolicy, &NetworkPolicyIngressRule)| admits(rule, port) && !admits(rule, agents);
        let (policy, _) = rules.iter().filter(|_| !is_open).find(cuts)?;
        Some((policy.name_any(), port))
    })
}

/// Whether clients of this rule come to the port by a number. A name goes along with whoever bears it.
fn admits(rule: &NetworkPolicyIngressRule, port: Port) -> bool {
    let number = i32::from(port.number);
    let holds = |admitted: &NetworkPolicyPort| {
        let same = (admitted.protocol.as_deref() == Some("UDP")) == port.udp;
        same && match &admitted.port {
            None => true,
            Some(IntOrString::Int(first)) => (*first..=admitted.end_port.unwrap_or(*first)).contains(&number),
            Some(IntOrString::String(_)) => false,
        }
    };
    rule.ports.as_ref().is_none_or(|ports| ports.is_empty() || ports.iter().any(holds))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(policies: &[(&str, Value)]) -> Option<String> {
        let policy = |(app, ingress): &(&str, Value)| {
            serde_json::from_value(json!({
                "metadata": { "name": format!("of-{app}") },
                "spec": { "podSelector": { "matchLabels": { "app": app } }, "ingress": ingress },
            }))
            .unwrap()
        };
        let policies: Vec<NetworkPolicy> = policies.iter().map(policy).collect();
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        in_the_way(&policies, &labels, [Port { number: 8080, udp: false }].into_iter()).map(|(policy, _)| policy)
    }

    #[test]
    fn a_number_that_alone_is_open_is_in_the_way() {
        let front = json!([{ "podSelector": { "matchLabels": { "app": "front" } } }]);
        let by = |port: Value| json!([{ "from": front, "ports": [port] }]);
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[("web", by(json!({ "port": 8080 })))]), Some("of-web".to_owned()));
        assert_eq!(found(&[("web", by(json!({ "port": 7000, "endPort": 8100 })))]), None, "agents are in that range");
        assert_eq!(found(&[("web", by(json!({ "port": "http" })))]), None);
        assert_eq!(found(&[("web", by(json!({ "port": 8080, "protocol": "UDP" })))]), None);
        assert_eq!(found(&[("other", by(json!({ "port": 8080 })))]), None);
        assert_eq!(found(&[("web", json!([{ "from": front }]))]), None, "all ports");
        let all = ("web", json!([{ "ports": [{ "port": 7400 }] }]));
        assert_eq!(found(&[("web", by(json!({ "port": 8080 }))), all]), None, "agents are open to everybody");
        assert_eq!(found(&[("web", Value::Null)]), None);
    }
}
