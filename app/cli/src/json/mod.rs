//! What `--json` prints besides what the client's library has. These shapes are stable: fields are added, never renamed or removed.
//!
//! With `--watch` each change is one object on a line of its own. A command that fails prints [`Failed`] and exits with 1.

mod intercept;
mod key;
mod list;

pub(crate) use hawser_client::json::{Doctor, Failed, Flow, Flows, Intercept, Queries, Query, Status};
pub(crate) use intercept::{Intercepted, Left, Preview};
pub(crate) use key::Key;
pub(crate) use list::List;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::status::tests::connected;
    use hawser_fault::{Code, Fault};
    use hawser_ipc::proto;
    use serde_json::{json, to_value};

    #[test]
    fn status_keeps_its_shape() {
        let trouble = proto::Connection {
            state: proto::State::Reconnecting.into(),
            step: "dialling".into(),
            cause: Some(Fault::new(Code::LinkSilent, "no heartbeat for 5 s").into()),
            troubles: vec![Fault::new(Code::SubnetConflict, "10.96.0.0/16 is taken").with_fix("End it.").into()],
            ..proto::Connection::default()
        };
        let connections = vec![connected(), trouble];
        let status = Status::from(proto::Snapshot { software: "hawser-helper 0.1.0".into(), connections });
        let expected = json!({
            "helper": "hawser-helper 0.1.0",
            "connections": [
                {
                    "name": "shop", "owner": 1000, "target": "203.0.113.7:7300", "state": "connected",
                    "since": 1_699_999_816_000_i64, "waiting_for": null, "cause": null, "troubles": [], "device": "hawser0",
                    "addresses": ["10.99.0.1", "fd99::1"], "subnets": ["10.96.0.0/16", "fd00:96::/64"],
                    "dns_servers": ["10.99.0.2"], "domains": ["demo.local"], "search_domain": "shop.svc.demo.local",
                    "manager": "hawser-manager 0.1.0", "context": null, "namespace": null, "manager_namespace": null, "way": null,
                    "also_proxy": [], "never_proxy": [], "left_alone": [], "round_trip_us": 420, "sent_bytes": 1_200_000,
                    "received_bytes": 3_400_000_000_u64, "open_flows": 12, "intercepts": []
                },
                {
                    "name": "", "owner": 0, "target": "", "state": "reconnecting", "since": 0,
                    "waiting_for": "dialling",
                    "cause": {
                        "code": "link-silent", "title": "The manager stopped answering",
                        "detail": "no heartbeat for 5 s", "fix": "Hawser dials again by itself; check the network if it lasts."
                    },
                    "troubles": [{
                        "code": "subnet-conflict", "title": "A subnet of the cluster is already routed elsewhere",
                        "detail": "10.96.0.0/16 is taken", "fix": "End it."
                    }],
                    "device": null, "addresses": [], "subnets": [], "dns_servers": [], "domains": [],
                    "search_domain": null, "manager": null, "context": null, "namespace": null, "manager_namespace": null, "way": null,
                    "also_proxy": [], "never_proxy": [], "left_alone": [], "round_trip_us": null, "sent_bytes": 0,
                    "received_bytes": 0, "open_flows": 0, "intercepts": []
                }
            ]
        });
        assert_eq!(to_value(status).unwrap(), expected);
    }
}
