//! What a trial means, in words.

use hawser_fault::{Code, Fault};
use hawser_tunnel::proto::Trial;

use super::super::Carried;
use super::{Door, Outcome};

/// The message about one door.
pub(super) fn told(door: &Door, outcome: Outcome, carried: &Carried) -> Trial {
    let own = if door.service.is_none() { door.pods.first() } else { None };
    let answered = match &outcome {
        Outcome::Answered(uid, _) => door.pods.iter().find(|pod| pod.uid == *uid),
        _ => None,
    };
    let trial = Trial {
        service: door.service.clone().unwrap_or_default(),
        pod: answered.or(own).map(|pod| pod.name.clone()).unwrap_or_default(),
        address: door.address.map(|address| address.to_string()).unwrap_or_default(),
        port: door.port.number.into(),
        udp: door.port.udp,
        ..Trial::default()
    };
    match fault(door, outcome, carried) {
        None => trial,
        Some(fault) => with(trial, fault),
    }
}

/// Nothing is known of the ways.
pub(super) fn unknown(fault: &Fault) -> Trial {
    with(Trial::default(), fault.clone())
}

fn with(trial: Trial, fault: Fault) -> Trial {
    Trial { code: fault.code.to_string(), detail: fault.detail, fix: fault.fix, ..trial }
}

fn fault(door: &Door, outcome: Outcome, carried: &Carried) -> Option<Fault> {
    let what = described(door);
    let namespace = &carried.namespace;
    let (detail, fix) = match outcome {
        Outcome::Answered(_, true) => return None,
        Outcome::Answered(_, false) => (
            format!("{what} leads to the agent, which has no way to this laptop now and sends to the app"),
            "Ask again; if it stays, see how the connection is with: hawser status".to_owned(),
        ),
        Outcome::Nowhere if door.service.is_some() => {
            (format!("{what} leads to no pod that is ready"), format!("See why with: kubectl get pods -n {namespace}"))
        }
        Outcome::Nowhere => {
            (format!("{what} has no address yet"), format!("See why with: kubectl get pods -n {namespace}"))
        }
        Outcome::Unguarded(pod) if door.service.is_some() => (
            format!("{what} also leads to the pod {pod}, which has no agent before this port and is not intercepted"),
            format!("See which pods it selects with: kubectl get endpointslices -n {namespace}"),
        ),
        Outcome::Unguarded(pod) => (
            format!("the pod {pod} has no agent before port {}, so its app answers", door.port.number),
            "Wait until it is made anew, or leave and intercept again.".to_owned(),
        ),
        Outcome::Unlinked(pod) => (
            format!(
                "{what} was not tried: the agent of the pod {pod} is not linked to the manager, so its app answers"
            ),
            format!(
                "See its words with: kubectl logs -n {namespace} {pod} -c hawser-agent. A NetworkPolicy must let it \
                 reach port 7301 of the manager."
            ),
        ),
        Outcome::Refused(error) => (
            format!("{what} takes no connection: {error}"),
            format!("See where it leads with: kubectl get endpointslices -n {namespace}"),
        ),
        Outcome::Silent => (
            format!("{what} does not answer the manager within a second"),
            format!(
                "A NetworkPolicy may keep the manager out, and other clients not: kubectl get networkpolicies -n \
                 {namespace}. A service mesh that takes only its own clients does the same."
            ),
        ),
        Outcome::Stranger => (
            format!("{what} is answered by something else than the agent, or hangs up"),
            "A service mesh's proxy that stands before the agent and takes only its own clients does that: then ask \
             from a pod of the mesh."
                .to_owned(),
        ),
    };
    Some(Fault::new(Code::ReplicaUnreached, detail).with_fix(fix))
}

fn described(door: &Door) -> String {
    let protocol = if door.port.udp { " over UDP" } else { "" };
    let address = door.address.map(|address| format!(" ({address}{protocol})")).unwrap_or_default();
    match (&door.service, door.pods.first()) {
        (Some(service), _) => format!("the service {service}{address}"),
        (None, Some(pod)) => format!("the pod {}{address}", pod.name),
        (None, None) => format!("a pod{address}"),
    }
}
