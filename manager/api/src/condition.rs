//! What is true of an object, and why not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{limits, schema};

/// One thing that is or isn't true of an object: Kubernetes' own fields, with the code and fix of an error of Hawser.
///
/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/condition/>, so that
/// `kubectl wait --for=condition=Ready` works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is said to be true, in CamelCase.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = limits::CONDITION_WORD), regex(pattern = "^[A-Za-z][A-Za-z0-9]*$"))]
    pub type_: String,
    /// Whether it is.
    pub status: ConditionStatus,
    /// Why, as one word in CamelCase.
    #[schemars(length(min = 1, max = limits::CONDITION_WORD), regex(pattern = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"))]
    pub reason: String,
    /// Why, as one sentence: what was tried, on what, and why it failed.
    #[schemars(length(max = limits::SENTENCE))]
    pub message: String,
    /// When the status last changed (RFC 3339).
    pub last_transition_time: Time,
    /// The metadata.generation that this was found for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The error's code: kebab-case, from the one table of them (hawser-fault).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::CODE), regex(pattern = schema::LABEL))]
    pub code: Option<String>,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::SENTENCE))]
    pub fix: Option<String>,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// Nobody could find out.
    Unknown,
}
