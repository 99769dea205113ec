//! Taking everything of Hawser out of a cluster.

use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError};
use http::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::kind::{DEPLOYMENT, INTERCEPT, KINDS, NAMESPACE, ROLE_BINDING, SESSION};
use super::manifests::{DEFAULT_IMAGE, Options, render};
use super::object::Object;
use super::rights::{binds, rights};
use super::survey::{Survey, get, list, survey};
use super::{Purpose, Step, limits, needs};

/// What removing will delete, in this order.
#[derive(Debug, Default)]
pub struct Removal {
    /// Bindings of Hawser's roles that administrators have made. They go first, so that laptops don't begin anew.
    pub bindings: Vec<Object>,
    /// Sessions and Intercepts, while there is a manager to give them up.
    pub held: Vec<Object>,
    /// What was installed; last the namespace, if installing made it.
    pub objects: Vec<Object>,
}

impl Removal {
    /// Whether there is nothing of Hawser.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty() && self.held.is_empty() && self.objects.is_empty()
    }

    /// Whether the namespace goes, and with it whatever else is in it.
    pub fn takes_namespace(&self) -> bool {
        self.objects.iter().any(|object| *object.kind == NAMESPACE)
    }
}

/// Finds out what there is. Changes nothing.
///
/// # Errors
/// `bad-argument`, `rights-missing`, `installed-otherwise`, and those of the way to the API server.
pub async fn plan(api: &Api, namespace: &str) -> Result<Removal, Fault> {
    let options = Options { namespace: namespace.to_owned(), image: DEFAULT_IMAGE.to_owned(), replicas: None };
    let objects = render(&options)?;
    needs::check(api, Purpose::Uninstall, namespace, &objects, &rights(&objects)).await?;
    let survey = survey(api, namespace).await?;
    if survey.ours.is_empty() && !survey.made_namespace() {
        return Ok(Removal::default());
    }
    let mut held = list(api, &INTERCEPT, None, "").await?;
    held.extend(list(api, &SESSION, Some(namespace), "").await?);
    let mut bindings = list(api, &ROLE_BINDING, None, "").await?;
    for kind in KINDS.iter().filter(|kind| kind.name == "ClusterRoleBinding") {
        bindings.extend(list(api, kind, None, "").await?);
    }
    Ok(planned(survey, held, bindings))
}

fn planned(survey: Survey, held: Vec<Object>, mut bindings: Vec<Object>) -> Removal {
    let made = survey.made_namespace();
    let Survey { namespace, ours: mut objects } = survey;
    bindings.retain(|binding| objects.iter().any(|role| binds(binding, role)));
    bindings.retain(|binding| !objects.iter().any(|object| object.is(binding)));
    objects.sort_by_key(|object| std::cmp::Reverse(object.kind.rank()));
    objects.extend(namespace.filter(|_| made));
    Removal { bindings, held, objects }
}

/// Deletes what was planned and waits until it is gone.
///
/// # Errors
/// `removal-stuck`, which names what stays and what holds it; `rights-missing`, and those of the way to the API server.
pub async fn remove(api: &Api, removal: &Removal, limit: Duration, step: Step<'_>) -> Result<(), Fault> {
    let deadline = Instant::now() + limit;
    gone(api, &removal.bindings, deadline, step).await?;
    gone(api, &removal.held, deadline, step).await?;
    for object in &removal.objects {
        gone(api, std::slice::from_ref(object), deadline, step).await?;
    }
    Ok(())
}

/// Deletes these and waits until each is gone or is another of the same name.
async fn gone(api: &Api, objects: &[Object], deadline: Instant, step: Step<'_>) -> Result<(), Fault> {
    for object in objects {
        step(&format!("deleting {object}"));
        delete(api, object).await?;
    }
    loop {
        let mut left = Vec::new();
        for object in objects {
            let present = get(api, &object.path()).await?.map(|body| Object { kind: object.kind, body });
            left.extend(present.filter(|present| present.body["metadata"]["uid"] == object.body["metadata"]["uid"]));
        }
        let [first, ..] = left.as_slice() else { return Ok(()) };
        if Instant::now() >= deadline {
            return Err(stuck(&left));
        }
        step(&format!("waiting until {first} is gone"));
        sleep(limits::LOOK).await;
    }
}

/// Deletes an object. One that isn't there is no error. A Deployment counts as there until its pods are gone.
pub async fn delete(api: &Api, object: &Object) -> Result<(), Fault> {
    let policy = if *object.kind == DEPLOYMENT { "Foreground" } else { "Background" };
    let path = format!("{}?propagationPolicy={policy}", object.path());
    match api.request::<Value>(Method::DELETE, &path, None).await {
        Ok(_) | Err(ApiError::Refused { status: 404, .. }) => Ok(()),
        Err(error) => {
            let fault = Fault::from(error);
            Err(Fault { detail: format!("{object} could not be deleted: {}", fault.detail), ..fault })
        }
    }
}

fn stuck(left: &[Object]) -> Fault {
    let mut names: Vec<String> = left.iter().take(limits::NAMED).map(held_by).collect();
    if left.len() > names.len() {
        names.push(format!("and {} more", left.len() - names.len()));
    }
    Fault::new(Code::RemovalStuck, format!("not gone in time: {}", names.join("; ")))
}

/// What the API server says that it waits for.
fn held_by(object: &Object) -> String {
    let finalizers = object.body["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let conditions = object.body["status"]["conditions"].as_array().into_iter().flatten();
    let remaining = conditions.filter(|condition| condition["status"] == "True").filter_map(|condition| {
        let kind = condition["type"].as_str()?;
        let tells = kind.ends_with("Remaining") || kind.ends_with("Failure") || kind == "Terminating";
        condition["message"].as_str().filter(|_| tells)
    });
    let whys: Vec<&str> = finalizers.chain(remaining).collect();
    if whys.is_empty() { object.to_string() } else { format!("{object} (held by {})", whys.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::testing::{object, options};

    fn binding(namespace: &str, name: &str, role: &str) -> Object {
        object(&format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: {name}, namespace: {namespace}}},
              roleRef: {{kind: {}, name: {}}}}}",
            role.split_once('/').unwrap().0,
            role.split_once('/').unwrap().1
        ))
    }

    #[test]
    fn everything_goes_in_the_opposite_order() {
        let mut ours = render(&options()).unwrap();
        let mut namespace = ours.remove(0);
        let names = |removal: &Removal| removal.objects.iter().map(|object| object.kind.name).collect::<Vec<_>>();
        let kept = planned(Survey { namespace: Some(namespace.clone()), ours: ours.clone() }, Vec::new(), Vec::new());
        assert!(!kept.takes_namespace());
        namespace.set_annotation(super::super::object::MADE, "true");
        let removal = planned(Survey { namespace: Some(namespace), ours }, Vec::new(), Vec::new());
        assert!(removal.takes_namespace());
        let names = names(&removal);
        assert_eq!((names[0], names[names.len() - 1]), ("MutatingWebhookConfiguration", "Namespace"));
        assert_eq!(names[names.len() - 2], "CustomResourceDefinition");
        assert_eq!(names.len(), 22);
    }

    #[test]
    fn bindings_of_its_roles_go_too_and_no_others() {
        let ours = render(&options()).unwrap();
        let bindings = vec![
            binding("tools", "users", "Role/hawser-user"),
            binding("other", "users", "Role/hawser-user"),
            binding("shop", "developers", "ClusterRole/hawser-developer"),
            binding("shop", "admins", "ClusterRole/admin"),
            binding("tools", "hawser-manager", "Role/hawser-manager"),
        ];
        let removal = planned(Survey { namespace: None, ours }, Vec::new(), bindings);
        let names: Vec<String> = removal.bindings.iter().map(Object::to_string).collect();
        assert_eq!(names, ["RoleBinding tools/users", "RoleBinding shop/developers"]);
    }

    #[test]
    fn what_stays_is_named_with_its_reason() {
        let mut left = vec![object(
            "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: n, finalizers: [hawser.dev/agent]}}",
        )];
        let fault = stuck(&left);
        assert_eq!(fault.code, Code::RemovalStuck);
        assert_eq!(fault.detail, "not gone in time: Secret n/s (held by hawser.dev/agent)");
        left.extend(vec![left[0].clone(); 7]);
        assert!(stuck(&left).detail.ends_with("; and 3 more"), "{}", stuck(&left));
    }
}
