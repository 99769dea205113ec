//! Bringing the cluster to what the manifests say, by server-side apply.

use std::collections::BTreeSet;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, Body};
use http::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::kind::{DEFINITION, DEPLOYMENT, NAMESPACE};
use super::manifests::{Options, render};
use super::object::{MADE, Object};
use super::remove::delete;
use super::rights::{Right, rights};
use super::survey::{Survey, get, survey};
use super::{Purpose, Step, limits, needs, rollout, version};

/// What installing or upgrading will do.
#[derive(Debug)]
pub struct Plan {
    /// The cluster's version, such as `v1.34.1`.
    pub version: String,
    /// What is applied, in this order.
    pub objects: Vec<Object>,
    /// What a former version installed and this one hasn't; deleted once the new manager is available.
    pub stale: Vec<Object>,
    /// The rights that Hawser's objects give now.
    pub before: BTreeSet<Right>,
    /// Those that they will give.
    pub after: BTreeSet<Right>,
    /// Take over fields that somebody else has set.
    pub force: bool,
}

/// Finds out what there is to do, and refuses what can't be done. Changes nothing.
///
/// # Errors
/// `bad-argument`, `cluster-too-old`, `rights-missing`, `installed-otherwise`, `manager-absent` for an upgrade of nothing, and
/// those of the way to the API server.
pub async fn plan(api: &Api, options: &Options, purpose: Purpose) -> Result<Plan, Fault> {
    let objects = render(options)?;
    let version = version::supported(api).await?.git_version;
    let after = rights(&objects);
    needs::check(api, purpose, &options.namespace, &objects, &after).await?;
    let survey = survey(api, &options.namespace).await?;
    if purpose == Purpose::Upgrade && survey.ours.is_empty() {
        let detail = format!("there is nothing to upgrade in the namespace {}", options.namespace);
        return Err(Fault::new(Code::ManagerAbsent, detail));
    }
    Ok(planned(version, objects, survey, options, purpose))
}

fn planned(version: String, mut objects: Vec<Object>, survey: Survey, options: &Options, purpose: Purpose) -> Plan {
    // A namespace that was there before is somebody else's: it gets no label of ours, and stays when Hawser goes.
    let made = survey.namespace.is_none() || survey.made_namespace();
    objects.retain(|object| made || *object.kind != NAMESPACE);
    for object in &mut objects {
        if *object.kind == NAMESPACE {
            object.set_annotation(MADE, "true");
        }
        if *object.kind == DEPLOYMENT && options.replicas.is_none() {
            keep_replicas(object, &survey.ours);
        }
    }
    let (before, after) = (rights(&survey.ours), rights(&objects));
    let mut stale = survey.ours;
    stale.retain(|old| !objects.iter().any(|object| object.is(old)));
    stale.sort_by_key(|object| std::cmp::Reverse(object.kind.rank()));
    Plan { version, objects, stale, before, after, force: purpose == Purpose::Upgrade }
}

/// An administrator's `kubectl scale` holds.
fn keep_replicas(deployment: &mut Object, present: &[Object]) {
    let replicas = present.iter().find(|object| object.is(deployment)).map(|object| &object.body["spec"]["replicas"]);
    if let Some(replicas) = replicas.filter(|replicas| replicas.is_u64()) {
        deployment.body["spec"]["replicas"] = replicas.clone();
    }
}

/// Does what was planned, and waits until the manager is available. Done again, it goes on where it was left.
///
/// # Errors
/// `rollout-failed`, `rights-missing`, `api-refused`, and those of the way to the API server.
pub async fn apply(api: &Api, plan: &Plan, limit: Duration, step: Step<'_>) -> Result<(), Fault> {
    for object in &plan.objects {
        step(&format!("applying {object}"));
        put(api, object, plan.force).await?;
        if *object.kind == DEFINITION {
            established(api, object).await?;
        }
    }
    for deployment in plan.objects.iter().filter(|object| *object.kind == DEPLOYMENT) {
        rollout::available(api, deployment, limit, step).await?;
    }
    for object in &plan.stale {
        step(&format!("deleting {object}"));
        delete(api, object).await?;
    }
    Ok(())
}

async fn put(api: &Api, object: &Object, force: bool) -> Result<(), Fault> {
    let path = format!("{}?fieldManager=hawser&force={force}", object.path());
    let body = Body { content_type: "application/apply-patch+yaml", ..Body::json(&object.body) };
    match api.request::<Value>(Method::PATCH, &path, Some(body)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(not_applied(object, error)),
    }
}

fn not_applied(object: &Object, error: ApiError) -> Fault {
    let conflict = error.status() == Some(409);
    let fault = Fault::from(error);
    let fault = Fault { detail: format!("{object} could not be applied: {}", fault.detail), ..fault };
    if conflict {
        return fault.with_fix("Somebody else has set this: remove it, or take it over with: hawser cluster upgrade");
    }
    fault
}

/// Waits until the API server serves a custom resource.
async fn established(api: &Api, definition: &Object) -> Result<(), Fault> {
    let deadline = Instant::now() + limits::ESTABLISHED;
    while !get(api, &definition.path()).await?.is_some_and(|body| is_established(&body)) {
        if Instant::now() >= deadline {
            let seconds = limits::ESTABLISHED.as_secs();
            let detail = format!("the API server does not serve {definition} within {seconds} s");
            return Err(Fault::new(Code::ApiRefused, detail)
                .with_fix(format!("See why with: kubectl describe crd {}", definition.name())));
        }
        sleep(limits::LOOK).await;
    }
    Ok(())
}

fn is_established(definition: &Value) -> bool {
    let mut conditions = definition["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::testing::{object, options};

    fn plan(survey: Survey, options: &Options) -> Plan {
        planned("v1.34.1".to_owned(), render(options).unwrap(), survey, options, Purpose::Upgrade)
    }

    fn namespace(annotations: &str) -> Option<Object> {
        Some(object(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: tools, annotations: {annotations}}}}}"
        )))
    }

    #[test]
    fn only_a_namespace_of_one_s_own_is_touched() {
        let applied = |namespace: Option<Object>| {
            let plan = plan(Survey { namespace, ours: Vec::new() }, &options());
            plan.objects
                .iter()
                .find(|object| *object.kind == NAMESPACE)
                .map(|object| object.annotation(MADE).to_owned())
        };
        assert_eq!(applied(None).as_deref(), Some("true"));
        assert_eq!(applied(namespace("{hawser.dev/made-by-install: 'true'}")).as_deref(), Some("true"));
        assert_eq!(applied(namespace("{}")), None);
    }

    #[test]
    fn replicas_stay_unless_they_are_given() {
        let replicas = |given: Option<u32>| {
            let mut ours = render(&options()).unwrap();
            let is_deployment = |object: &&mut Object| *object.kind == DEPLOYMENT;
            ours.iter_mut().find(is_deployment).unwrap().body["spec"]["replicas"] = 5.into();
            let plan = plan(Survey { namespace: None, ours }, &Options { replicas: given, ..options() });
            let deployment = plan.objects.iter().find(|object| *object.kind == DEPLOYMENT);
            deployment.unwrap().body["spec"]["replicas"].clone()
        };
        assert_eq!(replicas(None), 5);
        assert_eq!(replicas(Some(3)), 3);
    }

    #[test]
    fn what_a_former_version_had_is_stale() {
        let mut ours = render(&options()).unwrap();
        ours.remove(0);
        let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: former, namespace: tools},
            rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}";
        ours.push(object(role));
        ours.push(object("{apiVersion: v1, kind: Service, metadata: {name: former, namespace: tools}}"));
        let plan = plan(Survey { namespace: None, ours }, &options());
        let stale: Vec<String> = plan.stale.iter().map(Object::to_string).collect();
        assert_eq!(stale, ["Service tools/former", "Role tools/former"]);
        let removed: Vec<&str> = plan.before.difference(&plan.after).map(|right| right.holder.role.as_str()).collect();
        assert_eq!(removed, ["Role former"]);
        assert_eq!(plan.after.difference(&plan.before).count(), 0);
    }

    #[test]
    fn a_conflict_says_how_to_go_on() {
        let error =
            ApiError::Refused { status: 409, reason: "Conflict".to_owned(), message: "conflict with x".to_owned() };
        let fault = not_applied(&namespace("{}").unwrap(), error);
        assert_eq!(fault.code, Code::ApiRefused);
        assert_eq!(fault.detail, "Namespace tools could not be applied: conflict with x (HTTP 409)");
        assert!(fault.fix.contains("hawser cluster upgrade"));
    }
}
