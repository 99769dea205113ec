//! What the roles among some objects allow, and to whom: every right by itself, so that two installations can be compared.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::object::Object;

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Who has it.
    pub holder: Holder,
    /// On what.
    pub resource: Resource,
    /// Such as `get`.
    pub verb: String,
}

/// A role, with whom it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Kind and name of the role.
    pub role: String,
    /// Kinds and names of those who have it; empty if it is bound to nobody yet.
    pub to: Vec<String>,
    /// Where it holds.
    pub place: Place,
}

/// Where a role holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the whole cluster.
    Cluster,
    /// In one namespace.
    Namespace(String),
    /// Wherever it will be bound.
    Bound,
}

/// What a verb applies to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The API group; empty for the oldest.
    pub group: String,
    /// Plural, with the subresource behind a slash.
    pub name: String,
    /// The only object of that resource, if not all.
    pub object: Option<String>,
}

/// As kubectl writes it: `intercepts.hawser.dev/status`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, part) = self.name.split_once('/').unwrap_or((&self.name, ""));
        f.write_str(name)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !part.is_empty() {
            write!(f, "/{part}")?;
        }
        match &self.object {
            Some(object) => write!(f, " {object}"),
            None => Ok(()),
        }
    }
}

/// All rights that these objects give.
pub fn rights(objects: &[Object]) -> BTreeSet<Right> {
    let roles = objects.iter().filter(|object| matches!(object.kind.name, "Role" | "ClusterRole"));
    roles.flat_map(|role| holders(role, objects).into_iter().flat_map(|holder| of_role(role, &holder))).collect()
}

fn holders(role: &Object, objects: &[Object]) -> Vec<Holder> {
    let name = format!("{} {}", role.kind.name, role.name());
    let bindings = objects.iter().filter(|object| binds(object, role));
    let bound: Vec<Holder> = bindings
        .map(|binding| Holder {
            role: name.clone(),
            to: items(&binding.body["subjects"]).map(subject).collect(),
            place: place(binding, Place::Cluster),
        })
        .collect();
    match bound.is_empty() {
        true => vec![Holder { role: name, to: Vec::new(), place: place(role, Place::Bound) }],
        false => bound,
    }
}

fn place(object: &Object, otherwise: Place) -> Place {
    object.namespace().map_or(otherwise, |namespace| Place::Namespace(namespace.to_owned()))
}

/// Whether the first is a binding of the second.
pub fn binds(binding: &Object, role: &Object) -> bool {
    let reference = &binding.body["roleRef"];
    let same = reference["kind"] == role.kind.name && reference["name"] == role.name();
    let reaches = role.namespace().is_none() || role.namespace() == binding.namespace();
    matches!(binding.kind.name, "RoleBinding" | "ClusterRoleBinding") && same && reaches
}

fn subject(subject: &Value) -> String {
    let text = |field: &str| subject[field].as_str().unwrap_or_default();
    match text("namespace") {
        "" => format!("{} {}", text("kind"), text("name")),
        namespace => format!("{} {namespace}/{}", text("kind"), text("name")),
    }
}

fn of_role(role: &Object, holder: &Holder) -> BTreeSet<Right> {
    items(&role.body["rules"]).flat_map(|rule| of_rule(rule, holder)).collect()
}

/// A rule means each of its verbs on each of its resources (rbac.authorization.k8s.io/v1 PolicyRule).
fn of_rule(rule: &Value, holder: &Holder) -> Vec<Right> {
    let objects: Vec<Option<String>> = match texts(&rule["resourceNames"]) {
        names if names.is_empty() => vec![None],
        names => names.into_iter().map(Some).collect(),
    };
    let mut resources = Vec::new();
    for group in texts(&rule["apiGroups"]) {
        for name in texts(&rule["resources"]) {
            for object in &objects {
                resources.push(Resource { group: group.clone(), name: name.clone(), object: object.clone() });
            }
        }
    }
    for name in texts(&rule["nonResourceURLs"]) {
        resources.push(Resource { group: String::new(), name, object: None });
    }
    let verbs = texts(&rule["verbs"]);
    let right = |resource: &Resource, verb: &String| Right {
        holder: holder.clone(),
        resource: resource.clone(),
        verb: verb.clone(),
    };
    resources.iter().flat_map(|resource| verbs.iter().map(move |verb| right(resource, verb))).collect()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::manifests::render;
    use crate::install::testing::{object, options};

    /// Each right in a line.
    fn lines(rights: &BTreeSet<Right>) -> Vec<String> {
        let line = |right: &Right| {
            let Right { holder, resource, verb } = right;
            format!("{} > {} {:?}: {verb} {resource}", holder.role, holder.to.join(" "), holder.place)
        };
        rights.iter().map(line).collect()
    }

    #[test]
    fn a_rule_is_each_verb_on_each_resource() {
        let objects = [
            object(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: n}, rules: [
                {apiGroups: ['', apps], resources: [pods, pods/log], verbs: [get]},
                {apiGroups: [''], resources: [secrets], resourceNames: [s], verbs: [get, patch]}]}",
            ),
            object(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: n},
                roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: ann}, {kind: ServiceAccount, name: a, namespace: n}]}",
            ),
            object(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: other},
                roleRef: {kind: Role, name: r}, subjects: [{kind: User, name: eve}]}",
            ),
        ];
        let holder = "Role r > User ann ServiceAccount n/a Namespace(\"n\")";
        let expected =
            ["get pods", "get pods/log", "get secrets s", "patch secrets s", "get pods.apps", "get pods.apps/log"];
        let mut expected = expected.map(|right| format!("{holder}: {right}"));
        let mut found = lines(&rights(&objects));
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_rendering_gives_what_the_chart_says() {
        let rights = rights(&render(&options()).unwrap());
        let lines = lines(&rights);
        for line in [
            "ClusterRole hawser-developer >  Bound: create intercepts.hawser.dev",
            "ClusterRole hawser-manager.tools > ServiceAccount tools/hawser-manager Cluster: patch intercepts.hawser.dev/status",
            "Role hawser-manager > ServiceAccount tools/hawser-manager Namespace(\"tools\"): get secrets hawser-manager",
            "Role hawser-user >  Namespace(\"tools\"): create pods/portforward",
        ] {
            assert!(lines.iter().any(|other| other == line), "{line}: {lines:#?}");
        }
        assert!(rights.iter().all(|right| right.verb != "*" && right.resource.name != "*"), "{lines:#?}");
    }
}
