//! What the definitions promise: they are the chart's, everything in them has a bound, and nothing can be changed behind
//! somebody's back.

use hawser_api::{Intercept, InterceptPhase, Session, definitions};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

fn schema(kind: &str) -> JSONSchemaProps {
    let definition = definitions().into_iter().find(|definition| definition.spec.names.kind == kind);
    let version = definition.and_then(|definition| definition.spec.versions.into_iter().next());
    version.and_then(|version| version.schema?.open_api_v3_schema).expect("each kind has one version with a schema")
}

#[test]
fn the_chart_carries_these_very_definitions() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart/files/crds.yaml");
    let generated = serde_saphyr::to_string_multiple(&definitions()).unwrap();
    let chart = std::fs::read_to_string(path).unwrap();
    assert!(chart == generated, "{path} is stale: cargo run -p hawser-api --example crds > {path}");
}

#[test]
fn everything_that_can_grow_has_a_bound_and_nothing_can_be_null() {
    for kind in ["Session", "Intercept"] {
        let root = schema(kind);
        for (name, property) in root.properties.as_ref().unwrap() {
            bounded(&format!("{kind}.{name}"), property);
        }
    }
}

fn bounded(path: &str, schema: &JSONSchemaProps) {
    let text = schema.type_.as_deref() == Some("string") || schema.x_kubernetes_int_or_string == Some(true);
    let date = schema.format.as_deref() == Some("date-time");
    assert!(!text || schema.max_length.is_some() || schema.enum_.is_some() || date, "{path} has no maxLength");
    assert!(schema.nullable.is_none(), "{path} can be null");
    assert!(schema.description.is_some() || path.ends_with("[]"), "{path} has no description for kubectl explain");
    for (name, property) in schema.properties.iter().flatten() {
        bounded(&format!("{path}.{name}"), property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        assert!(schema.max_items.is_some(), "{path} has no maxItems");
        bounded(&format!("{path}[]"), items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        assert!(schema.max_properties.is_some(), "{path} has no maxProperties");
        bounded(&format!("{path}[]"), values);
    }
}

#[test]
fn of_an_intercept_only_until_can_change_and_of_a_session_nothing() {
    let rules = |kind: &str| {
        let spec = schema(kind).properties.unwrap()["spec"].clone();
        let rules = spec.x_kubernetes_validations.unwrap();
        let rule = rules.into_iter().find(|rule| rule.rule.contains("oldSelf")).unwrap().rule;
        (rule, spec.properties.unwrap(), spec.required.unwrap())
    };
    assert_eq!(rules("Session").0, "self == oldSelf");
    let (rule, fields, required) = rules("Intercept");
    for field in fields.keys() {
        let equal = format!("self.{field} == oldSelf.{field}");
        assert_eq!(rule.contains(&equal), field != "until", "{field}: {rule}");
        // A field that may be absent must also not come or go.
        let absent = format!(" && {equal} : !has(oldSelf.{field})");
        assert_eq!(rule.contains(&absent), field != "until" && !required.contains(field), "{field}: {rule}");
    }
}

#[test]
fn a_session_is_written_as_documented() {
    let text = r#"
apiVersion: hawser.dev/v1alpha1
kind: Session
metadata: { name: alice-laptop, namespace: hawser }
spec:
  user: alice
  groups: [developers, "system:authenticated"]
  extra: { "example.org/tenant": [blue] }
  key: sha256:0000000000000000000000000000000000000000000000000000000000000000
  namespace: shop
  client: { host: laptop, version: 0.1.0 }
status:
  phase: Ready
  lastSeen: 2026-01-01T00:00:00.000001Z
  replicas:
  - pod: hawser-manager-1
    address: "fd00::7"
    port: 7300
    key: sha256:1111111111111111111111111111111111111111111111111111111111111111
    software: 0.1.0
    endpoints: [{ kind: node-port, address: 192.0.2.1, port: 31300 }]
"#;
    let session: Session = serde_saphyr::from_str(text).unwrap();
    let again: Session = serde_json::from_str(&serde_json::to_string(&session).unwrap()).unwrap();
    assert_eq!(session, again);
    assert_eq!(session.status.unwrap().replicas[0].endpoints[0].port, 31300);
    assert!(serde_saphyr::from_str::<Session>(&text.replace("node-port", "nodeport")).is_err());
}

#[test]
fn an_intercept_is_written_as_documented() {
    let text = r#"
apiVersion: hawser.dev/v1alpha1
kind: Intercept
metadata: { name: cart, namespace: shop }
spec:
  user: alice
  session: alice-laptop
  workload: { kind: Deployment, name: cart }
  mode: intercept
  ports: [{ port: http, localPort: 8080 }, { port: 53, protocol: UDP, localPort: 5353 }]
  filters: { http: { headers: [{ type: Exact, name: x-user, value: alice }], path: { type: PathPrefix, value: /cart } } }
  until: 2026-01-01T18:00:00Z
status: { phase: Active }
"#;
    let intercept: Intercept = serde_saphyr::from_str(text).unwrap();
    let again: Intercept = serde_json::from_str(&serde_json::to_string(&intercept).unwrap()).unwrap();
    assert_eq!(intercept, again);
    assert_eq!(intercept.status.unwrap().phase, Some(InterceptPhase::Active));
    assert!(serde_saphyr::from_str::<Intercept>(&text.replace("mode: intercept", "mode: steal")).is_err());
}
