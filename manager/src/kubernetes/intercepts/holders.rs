//! Who intercepts which workload, for people.

use std::sync::Arc;

use hawser_api::{Intercept, InterceptPhase, Mode};
use hawser_tunnel::proto::Holder;
use kube::ResourceExt as _;

use super::phase;
use crate::injection::resolution::kind;
use crate::kubernetes::catalogue::Holders;

/// Those that are neither refused nor about to end, the first one first.
pub fn of(known: &[Arc<Intercept>]) -> Holders {
    let mut holders = Holders::new();
    for intercept in known.iter().filter(|intercept| is_held(intercept)) {
        let spec = &intercept.spec;
        let workload = (
            intercept.namespace().unwrap_or_default(),
            kind(spec.workload.kind).to_owned(),
            spec.workload.name.clone(),
        );
        let created = intercept.metadata.creation_timestamp.as_ref();
        holders.entry(workload).or_default().push(Holder {
            user: spec.user.clone(),
            intercept: intercept.name_any(),
            mode: mode(spec.mode).to_owned(),
            since: created.map_or(0, |time| time.0.as_millisecond()),
        });
    }
    let order = |holder: &Holder| (holder.since, holder.intercept.clone());
    holders.values_mut().for_each(|all| all.sort_by_key(order));
    holders
}

fn is_held(intercept: &Intercept) -> bool {
    intercept.metadata.deletion_timestamp.is_none()
        && !matches!(phase(intercept), InterceptPhase::Refused | InterceptPhase::Ending)
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Intercept => "intercept",
        Mode::Wiretap => "wiretap",
        Mode::Replace => "replace",
        Mode::Ingest => "ingest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn intercept(name: &str, created: &str, phase: Value) -> Arc<Intercept> {
        let intercept = json!({
            "apiVersion": "hawser.dev/v1alpha1", "kind": "Intercept",
            "metadata": { "name": name, "namespace": "shop", "creationTimestamp": created },
            "spec": {
                "user": format!("user of {name}"), "session": "s", "mode": "wiretap", "ports": [],
                "workload": { "kind": "StatefulSet", "name": "db" },
            },
            "status": { "phase": phase },
        });
        Arc::new(serde_json::from_value(intercept).unwrap())
    }

    #[test]
    fn those_that_hold_are_named_in_their_order() {
        let known = [
            intercept("late", "2026-03-01T12:00:01Z", json!("Waiting")),
            intercept("early", "2026-03-01T12:00:00Z", Value::Null),
            intercept("refused", "2026-03-01T11:00:00Z", json!("Refused")),
        ];
        let holders = of(&known);
        let of_db = &holders[&("shop".to_owned(), "StatefulSet".to_owned(), "db".to_owned())];
        let told: Vec<_> = of_db.iter().map(|one| (one.user.as_str(), one.mode.as_str(), one.since)).collect();
        let noon = 1_772_366_400_000;
        assert_eq!(told, [("user of early", "wiretap", noon), ("user of late", "wiretap", noon + 1_000)]);
        assert_eq!(holders.len(), 1);
    }
}
