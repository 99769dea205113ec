//! Whether the user may do what is needed, asked before anything is done (authorization.k8s.io/v1 SelfSubjectAccessReview).

use std::collections::{BTreeMap, BTreeSet};

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, Body};
use http::Method;
use serde_json::{Value, json};

use super::Purpose;
use super::kind::{DEFINITION, DEPLOYMENT, INTERCEPT, KINDS, Kind, NAMESPACE, POD, ROLE_BINDING, SESSION};
use super::object::Object;
use super::rights::{Place, Resource, Right};

/// A verb on a resource, in a namespace or in all of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    verb: String,
    resource: Resource,
    namespace: Option<String>,
}

/// Refuses what the user may not do, and names every right that is missing.
pub async fn check(
    api: &Api,
    purpose: Purpose,
    namespace: &str,
    objects: &[Object],
    gives: &BTreeSet<Right>,
) -> Result<(), Fault> {
    if allowed(api, &everything()).await? {
        return Ok(());
    }
    refuse(missing(api, needs(purpose, namespace, objects)).await?)?;
    // Nobody can give a right that they haven't themselves, unless they may do so in so many words.
    if purpose != Purpose::Uninstall && !missing(api, granting(namespace)).await?.is_empty() {
        refuse(missing(api, gives.iter().map(given).collect()).await?)?;
    }
    Ok(())
}

/// What a cluster's administrator may, so that asking for each thing is spared.
fn everything() -> Need {
    need("*", Resource { group: "*".to_owned(), name: "*".to_owned(), object: None }, None)
}

fn needs(purpose: Purpose, namespace: &str, objects: &[Object]) -> BTreeSet<Need> {
    let on = |verb: &str, kind: &Kind| need(verb, resource(kind), kind.namespaced.then_some(namespace));
    let everywhere = |verb: &str, kind: &Kind| need(verb, resource(kind), None);
    let listed = KINDS.iter().filter(|kind| **kind != NAMESPACE);
    let mut needs: BTreeSet<Need> = listed.map(|kind| on("list", kind)).collect();
    needs.insert(on("get", &NAMESPACE));
    let verbs: &[&str] = match purpose {
        Purpose::Install => &["create", "patch"],
        Purpose::Upgrade => &["create", "patch", "delete"],
        Purpose::Uninstall => &["delete"],
    };
    for kind in objects.iter().map(|object| object.kind) {
        needs.extend(verbs.iter().map(|verb| on(verb, kind)));
        if purpose == Purpose::Uninstall || [DEFINITION, DEPLOYMENT].contains(kind) {
            needs.insert(on("get", kind));
        }
    }
    if purpose != Purpose::Uninstall {
        needs.insert(on("list", &POD));
    } else {
        let own = ["list", "delete", "revoke"];
        needs.extend(own.map(|verb| on(verb, &SESSION)));
        needs.extend(own.map(|verb| everywhere(verb, &INTERCEPT)));
        needs.extend(["get", "list", "delete"].map(|verb| everywhere(verb, &ROLE_BINDING)));
    }
    needs
}

/// May somebody give rights that they haven't? (Kubernetes: privilege escalation prevention.)
fn granting(namespace: &str) -> BTreeSet<Need> {
    let roles = KINDS.iter().filter(|kind| matches!(kind.name, "Role" | "ClusterRole"));
    let verbs = |kind: &'static Kind| ["bind", "escalate"].map(|verb| (verb, kind));
    roles.flat_map(verbs).map(|(verb, kind)| need(verb, resource(kind), kind.namespaced.then_some(namespace))).collect()
}

/// A right that is given is one that is needed.
fn given(right: &Right) -> Need {
    let namespace = match &right.holder.place {
        Place::Namespace(namespace) => Some(namespace.as_str()),
        Place::Cluster | Place::Bound => None,
    };
    need(&right.verb, right.resource.clone(), namespace)
}

fn resource(kind: &Kind) -> Resource {
    Resource { group: kind.group.to_owned(), name: kind.plural.to_owned(), object: None }
}

fn need(verb: &str, resource: Resource, namespace: Option<&str>) -> Need {
    Need { verb: verb.to_owned(), resource, namespace: namespace.map(str::to_owned) }
}

async fn missing(api: &Api, needs: BTreeSet<Need>) -> Result<Vec<Need>, Fault> {
    let mut missing = Vec::new();
    for need in needs {
        if !allowed(api, &need).await? {
            missing.push(need);
        }
    }
    Ok(missing)
}

async fn allowed(api: &Api, need: &Need) -> Result<bool, Fault> {
    let (name, part) = need.resource.name.split_once('/').unwrap_or((&need.resource.name, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": need.verb,
            "group": need.resource.group,
            "resource": name,
            "subresource": part,
            "name": need.resource.object.as_deref().unwrap_or_default(),
            "namespace": need.namespace.as_deref().unwrap_or_default(),
        } },
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer: Value = api.request(Method::POST, path, Some(Body::json(&review))).await?;
    Ok(answer["status"]["allowed"] == true)
}

/// Names each thing once, with all the verbs that are missing for it.
fn refuse(missing: Vec<Need>) -> Result<(), Fault> {
    let mut verbs: BTreeMap<(Option<String>, Resource), Vec<String>> = BTreeMap::new();
    for Need { verb, resource, namespace } in missing {
        verbs.entry((namespace, resource)).or_default().push(verb);
    }
    if verbs.is_empty() {
        return Ok(());
    }
    let list = verbs.into_iter().map(|((namespace, resource), verbs)| {
        let place = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        format!("{} {resource}{place}", verbs.join(", "))
    });
    let detail = format!("this needs rights that you haven't: {}", list.collect::<Vec<_>>().join("; "));
    Err(Fault::new(Code::RightsMissing, detail)
        .with_fix("Have a cluster administrator do this, or grant you what is missing."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::manifests::render;
    use crate::install::testing::options;

    /// Whether a purpose needs this.
    fn has(purpose: Purpose, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        let needs = needs(purpose, "tools", &render(&options()).unwrap());
        needs.iter().any(|need| {
            need.verb == verb && need.resource.to_string() == resource && need.namespace.as_deref() == namespace
        })
    }

    #[test]
    fn what_each_purpose_needs() {
        use Purpose::{Install, Uninstall, Upgrade};
        let tools = Some("tools");
        assert!(has(Install, "patch", "customresourcedefinitions.apiextensions.k8s.io", None));
        assert!(has(Install, "create", "secrets", tools) && !has(Install, "get", "secrets", tools));
        assert!(
            has(Upgrade, "delete", "deployments.apps", tools) && !has(Install, "delete", "deployments.apps", tools)
        );
        assert!(has(Uninstall, "revoke", "intercepts.hawser.dev", None) && !has(Uninstall, "create", "secrets", tools));
    }

    #[test]
    fn a_refusal_names_each_right() {
        assert_eq!(refuse(Vec::new()), Ok(()));
        let fault = refuse(granting("tools").into_iter().chain([everything()]).collect()).unwrap_err();
        assert_eq!(fault.code, Code::RightsMissing);
        let expected = "this needs rights that you haven't: * *.*; bind, escalate clusterroles.rbac.authorization.k8s.io; \
             bind, escalate roles.rbac.authorization.k8s.io in tools";
        assert_eq!(fault.detail, expected);
    }
}
