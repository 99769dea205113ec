//! Who answers for a workload.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::{limits, schema};

/// What is to happen to which workload, and on whose behalf. Written by the user, in the workload's namespace; only
/// `until` can change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "hawser.dev",
    version = "v1alpha1",
    kind = "Intercept",
    namespaced,
    doc = "Traffic of a workload that goes to a program on a developer's laptop.",
    status = "InterceptStatus",
    derive = "PartialEq",
    shortname = "hi",
    category = "hawser",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.workload.kind"),
    printcolumn(name = "Workload", type_ = "string", json_path = ".spec.workload.name"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Session", type_ = "string", json_path = ".spec.session", priority = 1),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.until", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules()))]
pub struct InterceptSpec {
    /// The user's name: that of the session, and of who creates the intercept.
    #[schemars(length(min = 1, max = limits::USER))]
    pub user: String,
    /// The name of the user's Session.
    #[schemars(length(max = limits::NAME), regex(pattern = schema::NAME))]
    pub session: String,
    /// The namespace of that Session, which is its manager's. Without it: that of the one manager of this cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LABEL), regex(pattern = schema::LABEL))]
    pub session_namespace: Option<String>,
    /// The workload, in this namespace.
    pub workload: Workload,
    /// The container whose environment and files are shown, or which is replaced. Without it: the one that has the port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::LABEL), regex(pattern = schema::LABEL))]
    pub container: Option<String>,
    /// What happens to the workload's traffic.
    pub mode: Mode,
    /// The ports whose traffic goes to the laptop. With `replace` and none: all of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::PORTS), extend("x-kubernetes-list-type" = "atomic"))]
    pub ports: Vec<InterceptPort>,
    /// Which requests go to the laptop. Without it: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Filters>,
    /// When the intercept ends by itself (RFC 3339). Without it: never. The owner can change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What must be true of a spec as a whole (CEL).
fn rules() -> serde_json::Value {
    let unchanged = schema::unchanged(
        &["user", "session", "workload", "mode"],
        &["sessionNamespace", "container", "ports", "filters"],
    );
    serde_json::json!([
        {
            "rule": unchanged,
            "message": "nothing of the spec of an Intercept but until can be changed: delete it and create another"
        },
        {
            "rule": "self.mode != 'ingest' || !has(self.ports) || self.ports.size() == 0",
            "message": "ports are for the modes intercept, wiretap and replace: ingest takes no traffic"
        },
        {
            "rule": "self.mode in ['replace', 'ingest'] || (has(self.ports) && self.ports.size() > 0)",
            "message": "the modes intercept and wiretap need at least one port"
        },
        {
            "rule": "self.mode in ['intercept', 'wiretap'] || !has(self.filters)",
            "message": "filters are for the modes intercept and wiretap"
        }
    ])
}

/// The object that makes the pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its kind, in the group `apps`.
    pub kind: WorkloadKind,
    /// Its name.
    #[schemars(length(max = limits::NAME), regex(pattern = schema::NAME))]
    pub name: String,
}

/// Kinds of the group `apps` that can be intercepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names of Kubernetes' own kinds")]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    ReplicaSet,
}

/// What happens to a workload's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It goes to the laptop.
    Intercept,
    /// A copy of it goes to the laptop; the workload answers.
    Wiretap,
    /// It goes to the laptop, and the container's own program doesn't run.
    Replace,
    /// It stays; the laptop gets environment and files.
    Ingest,
}

/// One port that is intercepted, and where its traffic goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterceptPort {
    /// The port of a service of the workload or of its container, by name or number.
    #[schemars(schema_with = "schema::port_or_name")]
    pub port: IntOrString,
    /// The transport protocol. Without it: TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// The handler's port on the laptop.
    #[schemars(schema_with = "schema::port")]
    pub local_port: u16,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// RFC 9293.
    #[default]
    Tcp,
    /// RFC 768.
    Udp,
}

/// Which requests go to the laptop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct Filters {
    /// HTTP requests of which all of this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpFilter>,
}

/// What must be true of an HTTP request: everything that is given, in the words of Gateway API's HTTPRouteMatch.
///
/// Source: <https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct HttpFilter {
    /// Headers, all of which must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = limits::HEADERS),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub headers: Vec<HeaderMatch>,
    /// The path, without the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<HttpMethod>,
}

/// What a header must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderMatch {
    /// How the value is held against the header.
    #[serde(rename = "type")]
    pub type_: HeaderMatchType,
    /// The header's name (RFC 9110, section 5.1), in any case.
    #[schemars(length(min = 1, max = limits::HEADER_NAME), regex(pattern = "^[A-Za-z0-9!#$%&'*+.^_|~`-]+$"))]
    pub name: String,
    /// The text or pattern.
    #[schemars(length(min = 1, max = limits::MATCH), regex(pattern = schema::PRINTABLE))]
    pub value: String,
}

/// How a header is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HeaderMatchType {
    /// Byte for byte.
    Exact,
    /// By a regular expression over the whole value.
    RegularExpression,
}

/// What a path must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PathMatch {
    /// How the value is held against the path.
    #[serde(rename = "type")]
    pub type_: PathMatchType,
    /// The text or pattern.
    #[schemars(length(min = 1, max = limits::MATCH), regex(pattern = schema::PRINTABLE))]
    pub value: String,
}

/// How a path is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PathMatchType {
    /// Byte for byte.
    Exact,
    /// By whole segments from the start.
    PathPrefix,
    /// By a regular expression over the whole path.
    RegularExpression,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// RFC 9110, section 9.3.1.
    Get,
    /// RFC 9110, section 9.3.2.
    Head,
    /// RFC 9110, section 9.3.3.
    Post,
    /// RFC 9110, section 9.3.4.
    Put,
    /// RFC 9110, section 9.3.5.
    Delete,
    /// RFC 9110, section 9.3.6.
    Connect,
    /// RFC 9110, section 9.3.7.
    Options,
    /// RFC 9110, section 9.3.8.
    Trace,
    /// RFC 5789.
    Patch,
}

/// What the manager answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterceptStatus {
    /// Where the intercept stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<InterceptPhase>,
    /// What is true of the intercept, and why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = limits::CONDITIONS),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// Where an intercept stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InterceptPhase {
    /// No manager has looked at it yet.
    Pending,
    /// The workload's pods are getting an agent.
    Preparing,
    /// Traffic goes to the laptop.
    Active,
    /// The laptop is silent, or there is no pod; traffic goes to the workload.
    Waiting,
    /// It can't be; a condition says why, and what to do.
    Refused,
    /// It is being taken down.
    Ending,
}
