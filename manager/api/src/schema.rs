//! Pieces of schema that derive can't say.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::limits;

/// A DNS label (RFC 1123, section 2.1).
pub(crate) const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A DNS name, which is what most names of objects are.
pub(crate) const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A text that a terminal shows as it is.
pub(crate) const PRINTABLE: &str = r"^[^\x00-\x1f\x7f]*$";

/// Enough to keep names out of a field for addresses; who reads it parses it.
pub(crate) const ADDRESS: &str = "^[0-9a-fA-F:.]+$";

/// SHA-256 over the SubjectPublicKeyInfo (RFC 7250, section 3) of a key.
pub(crate) const KEY: &str = "^sha256:[0-9a-f]{64}$";

/// A TCP or UDP port. The API server warns about the formats that derive writes for unsigned numbers.
pub(crate) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": 65535 })
}

/// A port by number, or by name (RFC 6335, section 5.1).
pub(crate) fn port_or_name(_: &mut SchemaGenerator) -> Schema {
    // The type is held against what serde reads, so that the two can't part.
    const _: fn(i32) -> IntOrString = IntOrString::Int;
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 1,
        "maximum": 65535,
        "minLength": 1,
        "maxLength": limits::PORT_NAME,
        "pattern": LABEL,
    })
}

/// The extra attributes of a user: each key has several values.
pub(crate) fn extra(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": limits::EXTRA_KEYS,
        "additionalProperties": {
            "type": "array",
            "maxItems": limits::EXTRA_VALUES,
            "items": { "type": "string", "maxLength": limits::EXTRA_VALUE },
        },
    })
}

/// A rule (CEL) that these fields neither change nor come nor go.
///
/// Optional fields are compared behind `has`: of an optional selection (`self.?field`) the API server can't tell how much a
/// comparison costs at most, and refuses the rule.
pub(crate) fn unchanged(required: &[&str], optional: &[&str]) -> String {
    let required = required.iter().map(|field| format!("self.{field} == oldSelf.{field}"));
    let optional = optional.iter().map(|field| {
        format!("(has(self.{field}) ? has(oldSelf.{field}) && self.{field} == oldSelf.{field} : !has(oldSelf.{field}))")
    });
    required.chain(optional).collect::<Vec<_>>().join(" && ")
}

/// Takes back that optional fields may be null, which derive allows: the API server then drops a null, and rules and
/// policies need to know one kind of absence only.
pub(crate) fn without_null(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            forbid_null(schema);
        }
    }
    definition
}

fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flatten().for_each(|(_, property)| forbid_null(property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        forbid_null(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        forbid_null(values);
    }
}
