//! The custom resources by which laptops, people and the manager agree through the Kubernetes API server: [`Session`], who
//! is connected, and [`Intercept`], who answers for a workload.
//!
//! Kubernetes' own rights decide who may create and see them; an admission policy of the chart (`installer/chart`) sees to
//! it that nobody creates one in another's name. What the schemas here refuse, the API server refuses before anything else
//! of Hawser sees it, with status 422 and the name of the field.

#![allow(clippy::duplicated_attributes, reason = "it takes the columns of the kube attribute for repetitions")]

mod condition;
mod intercept;
pub mod limits;
mod schema;
mod session;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube_core::CustomResourceExt;

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
pub use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub use condition::{Condition, ConditionStatus};
pub use intercept::{
    Filters, HeaderMatch, HeaderMatchType, HttpFilter, HttpMethod, Intercept, InterceptPhase, InterceptPort,
    InterceptSpec, InterceptStatus, Mode, PathMatch, PathMatchType, Protocol, Workload, WorkloadKind,
};
pub use session::{
    ADMITTED, Client, Endpoint, EndpointKind, Replica, Session, SessionPhase, SessionSpec, SessionStatus,
};

/// The API group of both resources.
pub const GROUP: &str = "hawser.dev";

/// The verb on `sessions` and `intercepts` that lets somebody end what isn't theirs.
pub const REVOKE: &str = "revoke";

/// What a cluster must be told before it knows the resources. The chart carries the same as YAML.
///
/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/>
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [Session::crd(), Intercept::crd()].map(schema::without_null)
}
