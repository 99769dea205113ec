//! The app's environment, as the agent has it: each variable under a name of its container.

use hawser_tunnel::agent::variable;
use serde_json::{Value, json};

use super::list;

/// What the agent's container gets of one of the app's.
pub struct Environment {
    pub env: Vec<Value>,
    pub env_from: Vec<Value>,
    /// Names of variables, as the app has them.
    pub names: Vec<String>,
}

/// Copies a container's environment.
pub fn copy(number: usize, container: &Value) -> Environment {
    let whole = list(container, "/envFrom");
    let mut names: Vec<String> = Vec::new();
    let env = list(container, "/env").iter().map(|variable| {
        let copied = copied(number, container, variable, &names, !whole.is_empty());
        names.push(variable["name"].as_str().unwrap_or_default().to_owned());
        copied
    });
    let env = env.collect();
    Environment { env, env_from: whole.iter().map(|source| prefixed(number, source)).collect(), names }
}

fn copied(number: usize, container: &Value, original: &Value, earlier: &[String], has_whole: bool) -> Value {
    let mut copy = original.clone();
    copy["name"] = variable(number, original["name"].as_str().unwrap_or_default()).into();
    if let Some(value) = original["value"].as_str() {
        let is_own = |name: &str| earlier.iter().any(|one| one == name) || (has_whole && !is_of_service(name));
        copy["value"] = expand_as(value, |name| is_own(name).then(|| variable(number, name))).into();
    }
    // Without a name it means the container that it stands in.
    if copy.pointer("/valueFrom/resourceFieldRef").is_some_and(|field| field.get("containerName").is_none()) {
        copy["valueFrom"]["resourceFieldRef"]["containerName"] = container["name"].clone();
    }
    copy
}

fn prefixed(number: usize, source: &Value) -> Value {
    let mut copy = source.clone();
    let prefix = source.get("prefix").and_then(Value::as_str).unwrap_or_default();
    copy["prefix"] = json!(variable(number, prefix));
    copy
}

/// Every container has these, whatever its manifest says.
fn is_of_service(name: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].iter().any(|end| name.ends_with(end)) && name.contains('_')
}

/// Renames the variables that a value refers to as `$(NAME)`; `$$` stands for a dollar sign.
///
/// Source: <https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/>
pub fn expand_as(value: &str, renamed: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        match reference {
            Some((name, after)) => {
                let name = renamed(name).unwrap_or_else(|| name.to_owned());
                out.push_str(&format!("$({name})"));
                rest = after;
            }
            None => {
                let length = if rest.starts_with("$$") { 2 } else { 1 };
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    out + rest
}

/// A value that Kubernetes takes as it is.
pub fn verbatim(value: &str) -> String {
    value.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_to_the_container_s_own_variables_are_renamed() {
        let renamed = |value| expand_as(value, |name| (name == "A").then(|| "HAWSER_0_A".to_owned()));
        for (value, expected) in [
            ("", ""),
            ("plain $A ${A} 5$", "plain $A ${A} 5$"),
            ("x$(A)y$(B)z$(A)", "x$(HAWSER_0_A)y$(B)z$(HAWSER_0_A)"),
            ("$$(A) $$$(A)", "$$(A) $$$(HAWSER_0_A)"),
            ("$(A", "$(A"),
        ] {
            assert_eq!(renamed(value), expected, "{value}");
        }
    }

    #[test]
    fn what_comes_after_is_not_referred_to() {
        let container = json!({ "name": "web", "env": [
            { "name": "EARLY", "value": "$(LATE)" },
            { "name": "LATE", "value": "$(EARLY) $(KUBERNETES_SERVICE_HOST)" },
        ] });
        let copy = copy(1, &container);
        assert_eq!(copy.env[0]["value"], "$(LATE)");
        assert_eq!(copy.env[1]["value"], "$(HAWSER_1_EARLY) $(KUBERNETES_SERVICE_HOST)");
    }
}
