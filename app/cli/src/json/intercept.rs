//! `hawser intercept` and its siblings, and `hawser leave`.

use hawser_client::intercept::Written;
use hawser_client::json::{Cause, Intercept, known};
use hawser_fault::Fault;
use hawser_ipc::proto;
use serde::Serialize;

use crate::view::intercept::Card;

/// Of `hawser intercept` and its siblings.
#[derive(Serialize)]
pub(crate) struct Intercepted {
    intercept: Intercept,
    /// `null` if no pod has told of itself yet.
    environment: Option<Environment>,
    /// The ways by which clients come, tried. Empty if it isn't in force or has no ports.
    proof: Vec<Trial>,
    /// What is not as it should be, though the intercept is there.
    warnings: Vec<Cause>,
}

/// Of `--dry-run`.
#[derive(Serialize)]
pub(crate) struct Preview {
    /// The names of the pods that would be made anew.
    will_restart: Vec<String>,
    /// Sentences: who manages the workload, what clients would notice.
    notes: Vec<String>,
}

impl From<proto::PreviewReply> for Preview {
    fn from(proto::PreviewReply { will_restart, notes }: proto::PreviewReply) -> Self {
        Self { will_restart, notes }
    }
}

/// A way by which clients come to a port.
#[derive(Serialize)]
struct Trial {
    /// Whose address it is; `null` for a pod's own.
    service: Option<String>,
    /// Whose address it is, or that answered for the service.
    pod: Option<String>,
    /// `host:port`; `null` if there was nothing to try.
    address: Option<String>,
    /// The container's port.
    port: u32,
    /// TCP or UDP.
    protocol: &'static str,
    /// Whether it leads to this computer.
    reached: bool,
    /// Why not.
    cause: Option<Cause>,
}

/// What is told of a container's environment: no value of it.
#[derive(Serialize)]
struct Environment {
    pod: String,
    container: String,
    variables: usize,
    files: Vec<EnvironmentFile>,
}

#[derive(Serialize)]
struct EnvironmentFile {
    path: String,
    /// Names of variables that its format has no room for.
    left_out: Vec<String>,
}

/// Of `hawser leave`.
#[derive(Serialize)]
pub(crate) struct Left {
    /// Names of intercepts.
    pub(crate) left: Vec<String>,
}

impl From<Card> for Intercepted {
    fn from(card: Card) -> Self {
        let file =
            |written: Written| EnvironmentFile { path: written.path.display().to_string(), left_out: written.left_out };
        let environment = card.environment.map(|told| Environment {
            pod: told.pod,
            container: told.container,
            variables: told.count,
            files: told.written.into_iter().map(file).collect(),
        });
        let warnings = card.warnings.into_iter().map(Cause::from).collect();
        let proof = card.proof.into_iter().map(Trial::from).collect();
        Self { intercept: card.state.into(), environment, proof, warnings }
    }
}

impl From<proto::Trial> for Trial {
    fn from(trial: proto::Trial) -> Self {
        Self {
            service: known(trial.service),
            pod: known(trial.pod),
            address: known(trial.address),
            port: trial.port,
            protocol: if trial.udp { "UDP" } else { "TCP" },
            reached: trial.cause.is_none(),
            cause: trial.cause.map(|cause| Fault::from(cause).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_fault::Code;
    use serde_json::{json, to_value};

    #[test]
    fn intercepts_keep_their_shape() {
        let environment = crate::view::intercept::Environment {
            pod: "web-0".into(),
            container: "app".into(),
            count: 2,
            written: vec![Written { path: ".env".into(), left_out: vec!["KEY".into()] }],
        };
        let requests = Some(proto::Requests { matched: 12, passed: 340, dropped: 0 });
        let card = Card {
            state: proto::InterceptState { requests, ..crate::view::intercept::tests::active() },
            took: None,
            environment: Some(environment),
            proof: vec![proto::Trial {
                pod: "web-0".into(),
                address: "10.1.0.4:7400".into(),
                port: 8080,
                ..proto::Trial::default()
            }],
            warnings: vec![Fault::new(Code::LocalPortSilent, "silent").with_fix("f")],
        };
        let expected = json!({
            "intercept": {
                "connection": "dev", "name": "web", "namespace": "shop", "kind": "Deployment", "workload": "web",
                "container": null, "mode": "intercept",
                "ports": [{"port": "http", "protocol": "TCP", "local_port": 8080}],
                "address": "127.0.0.1", "http": null, "until": null, "phase": "active",
                "since": 1_700_000_000_000_i64, "waiting_for": null, "cause": null,
                "replicas": [
                    {"name": "web-0", "address": "10.1.0.4", "reached": true},
                    {"name": "web-1", "address": null, "reached": false}
                ],
                "object": "web-1a2b3", "files": null,
                "delivered": {"connections": 0, "refused": 0, "last": null},
                "requests": {"matched": 12, "passed": 340, "dropped": 0}
            },
            "environment": {
                "pod": "web-0", "container": "app", "variables": 2,
                "files": [{"path": ".env", "left_out": ["KEY"]}]
            },
            "proof": [{
                "service": null, "pod": "web-0", "address": "10.1.0.4:7400", "port": 8080, "protocol": "TCP",
                "reached": true, "cause": null
            }],
            "warnings": [{
                "code": "local-port-silent", "title": "Nobody listens on the local port", "detail": "silent", "fix": "f"
            }]
        });
        assert_eq!(to_value(Intercepted::from(card)).unwrap(), expected);
    }
}
