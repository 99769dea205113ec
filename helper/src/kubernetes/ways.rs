//! The ways that a session's replicas make: a pure function.

use std::collections::BTreeMap;

use hawser_api::{Endpoint, EndpointKind, Replica};
use hawser_kube::Api;
use hawser_tunnel::identity::Pin;

use crate::limits;
use crate::plane::{Path, Way, Ways};

/// A port-forward to each replica, and whatever leads past the API server. Replicas with a malformed key are left out.
pub fn of(api: &Api, namespace: &str, replicas: &[Replica]) -> Ways {
    let known = replicas.iter().filter_map(|replica| Some((replica, replica.key.parse::<Pin>().ok()?)));
    let base = known.clone().map(|(replica, pin)| {
        let path = Path::PortForward {
            api: api.clone(),
            namespace: namespace.to_owned(),
            pod: replica.pod.clone(),
            port: replica.port,
        };
        Way { path, pins: vec![pin] }
    });
    let native = known.clone().map(|(replica, pin)| Way {
        path: Path::Direct {
            kind: EndpointKind::Pod,
            address: replica.address.clone(),
            port: replica.port,
            device: None,
        },
        pins: vec![pin],
    });
    Ways { base: base.collect(), direct: direct(known), native: native.take(limits::DIRECT_WAYS).collect() }
}

/// Behind a node's port or a load balancer any replica may be.
fn direct<'a>(replicas: impl Iterator<Item = (&'a Replica, Pin)> + Clone) -> Vec<Way> {
    let all: Vec<Pin> = replicas.clone().map(|(_, pin)| pin).collect();
    let mut ways: BTreeMap<(&str, u16), Way> = BTreeMap::new();
    for (replica, pin) in replicas {
        for Endpoint { kind, address, port } in &replica.endpoints {
            let pins = if *kind == EndpointKind::Pod { vec![pin] } else { all.clone() };
            let path = Path::Direct { kind: *kind, address: address.clone(), port: *port, device: None };
            ways.insert((address, *port), Way { path, pins });
        }
    }
    ways.into_values().take(limits::DIRECT_WAYS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(pod: &str, key: &str, endpoints: &[(EndpointKind, &str)]) -> Replica {
        Replica {
            pod: pod.to_owned(),
            address: "10.0.0.1".to_owned(),
            port: 7300,
            key: format!("sha256:{}", key.repeat(64)),
            software: "hawser 1".to_owned(),
            endpoints: endpoints
                .iter()
                .map(|(kind, address)| Endpoint { kind: *kind, address: (*address).to_owned(), port: 7300 })
                .collect(),
        }
    }

    #[test]
    fn replicas_behind_one_load_balancer_are_one_way() {
        let (pod, balancer) = (EndpointKind::Pod, EndpointKind::LoadBalancer);
        let replicas = [
            replica("a", "a", &[(pod, "10.0.0.1"), (balancer, "lb.example.com")]),
            replica("b", "b", &[(pod, "10.0.0.2"), (balancer, "lb.example.com")]),
        ];
        let known = replicas.iter().map(|replica| (replica, replica.key.parse().unwrap()));
        let ways: Vec<(String, usize)> =
            direct(known).iter().map(|way| (way.path.to_string(), way.pins.len())).collect();
        let expected = [
            ("direct to the pod 10.0.0.1:7300".to_owned(), 1),
            ("direct to the pod 10.0.0.2:7300".to_owned(), 1),
            ("direct to the load balancer lb.example.com:7300".to_owned(), 2),
        ];
        assert_eq!(ways, expected);
    }
}
