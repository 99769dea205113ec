//! A connection, and the Kubernetes user behind it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::{limits, schema};

/// Who connects, with which key. Written once, by the user's own laptop; never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "hawser.dev",
    version = "v1alpha1",
    kind = "Session",
    namespaced,
    doc = "A laptop that is connected to this cluster, and the user behind it.",
    status = "SessionStatus",
    derive = "PartialEq",
    shortname = "hs",
    category = "hawser",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Host", type_ = "string", json_path = ".spec.client.host"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Last seen", type_ = "date", json_path = ".status.lastSeen"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.client.version", priority = 1),
    printcolumn(name = "Namespace for names", type_ = "string", json_path = ".spec.namespace", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    { "rule": "self == oldSelf", "message": "the spec of a Session can't be changed: delete it and create another" }
]))]
pub struct SessionSpec {
    /// The user's name, as the cluster's authenticator gives it (authentication.k8s.io/v1 SelfSubjectReview).
    #[schemars(length(min = 1, max = limits::USER))]
    pub user: String,
    /// The authenticator's identifier of the user, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::UID))]
    pub uid: Option<String>,
    /// All groups of the user, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::GROUPS), inner(length(max = limits::GROUP)), extend("x-kubernetes-list-type" = "set"))]
    pub groups: Vec<String>,
    /// All extra attributes of the user.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::extra")]
    pub extra: BTreeMap<String, Vec<String>>,
    /// The pin of the laptop's key for this connection: `sha256:` and 64 hexadecimal digits, the SHA-256 of its
    /// SubjectPublicKeyInfo. Only who holds that key may use the session.
    #[schemars(length(max = limits::KEY), regex(pattern = schema::KEY))]
    pub key: String,
    /// The namespace of the connection: single-label names are services of it.
    #[schemars(length(max = limits::LABEL), regex(pattern = schema::LABEL))]
    pub namespace: String,
    /// The laptop, as it describes itself. For people; nothing is decided by it.
    pub client: Client,
}

/// How a laptop describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// The laptop's host name.
    #[schemars(length(max = limits::NAME), regex(pattern = schema::PRINTABLE))]
    pub host: String,
    /// The version of the helper.
    #[schemars(length(max = limits::VERSION), regex(pattern = schema::PRINTABLE))]
    pub version: String,
}

/// What the manager answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Where the session stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<SessionPhase>,
    /// The live replicas of the manager. Each writes its own entry by server-side apply under a field manager of its
    /// own, so that none overwrites another's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = limits::REPLICAS),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["pod"])
    )]
    pub replicas: Vec<Replica>,
    /// The last heartbeat of the laptop that any replica saw (RFC 3339, to the microsecond).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<MicroTime>,
    /// What is true of the session, and why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = limits::CONDITIONS),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// The condition by which a manager says that it lets nobody in by a session, and why.
pub const ADMITTED: &str = "Admitted";

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionPhase {
    /// No replica has admitted it yet.
    Pending,
    /// The replicas that it names let its key in.
    Ready,
    /// Its laptop is gone, or it was refused; a condition says which. It lets nobody in.
    Ended,
}

/// A replica of the manager that lets the session in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replica {
    /// Its pod, in the session's namespace: the target of a port-forward.
    #[schemars(length(max = limits::NAME), regex(pattern = schema::NAME))]
    pub pod: String,
    /// The pod's IP address.
    #[schemars(length(max = limits::ADDRESS), regex(pattern = schema::ADDRESS))]
    pub address: String,
    /// The port of the tunnel on that address.
    #[schemars(schema_with = "schema::port")]
    pub port: u16,
    /// The pin of the replica's key, in the form of `spec.key`. The laptop accepts no other.
    #[schemars(length(max = limits::KEY), regex(pattern = schema::KEY))]
    pub key: String,
    /// The version of the replica's program.
    #[schemars(length(max = limits::VERSION), regex(pattern = schema::PRINTABLE))]
    pub software: String,
    /// Ways to this replica that don't lead through the API server. Empty unless the chart allows some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::ENDPOINTS), extend("x-kubernetes-list-type" = "atomic"))]
    pub endpoints: Vec<Endpoint>,
}

/// A way to a replica past the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// What kind of way.
    pub kind: EndpointKind,
    /// An IP address, or the name that a load balancer goes by.
    #[schemars(length(min = 1, max = limits::NAME), regex(pattern = "^[0-9a-zA-Z:._-]+$"))]
    pub address: String,
    /// The port on that address.
    #[schemars(schema_with = "schema::port")]
    pub port: u16,
}

/// How a replica is reached past the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointKind {
    /// The pod's own address.
    Pod,
    /// An address of the replica's node.
    NodePort,
    /// The load balancer before all replicas: any of them may answer.
    LoadBalancer,
}
