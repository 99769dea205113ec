//! What of Hawser is in the cluster already, and who put it there.

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::kind::{KINDS, Kind, NAMESPACE};
use super::limits;
use super::object::{INSTANCE, MADE, MANAGED_BY, Object, TOOL};

/// Everything of Hawser carries it, whoever installed it.
const SELECTOR: &str = "app.kubernetes.io%2Fname%3Dhawser";

/// What was found, if nobody else's installation is in the way.
#[derive(Debug, Default)]
pub struct Survey {
    /// The manager's namespace, if there is one.
    pub namespace: Option<Object>,
    /// What this module installed there and for the whole cluster; without the namespace.
    pub ours: Vec<Object>,
}

impl Survey {
    /// Whether the namespace is there only because of Hawser.
    pub fn made_namespace(&self) -> bool {
        self.namespace.as_ref().is_some_and(|namespace| !namespace.annotation(MADE).is_empty())
    }
}

/// Looks for every kind of object that an installation can have.
pub async fn survey(api: &Api, namespace: &str) -> Result<Survey, Fault> {
    let mut found = Vec::new();
    for kind in KINDS.iter().filter(|kind| **kind != NAMESPACE) {
        found.extend(list(api, kind, Some(namespace), SELECTOR).await?);
    }
    let ours = ours(found, namespace)?;
    let present = get(api, &format!("{}/{namespace}", NAMESPACE.path(None))).await?;
    Ok(Survey { namespace: present.map(|body| Object { kind: &NAMESPACE, body }), ours })
}

/// Those that are ours; a fault if others make the installation somebody else's.
fn ours(found: Vec<Object>, namespace: &str) -> Result<Vec<Object>, Fault> {
    let mut ours = Vec::new();
    for object in found {
        match (object.label(MANAGED_BY), object.label(INSTANCE)) {
            ("Helm", _) => return Err(of_helm(&object)),
            (TOOL, instance) if instance == namespace => ours.push(object),
            (TOOL, instance) => return Err(elsewhere(&object, instance)),
            _ => {}
        }
    }
    Ok(ours)
}

fn of_helm(object: &Object) -> Fault {
    let release = object.annotation("meta.helm.sh/release-name");
    let namespace = object.annotation("meta.helm.sh/release-namespace");
    let detail = format!("{object} was installed by Helm, as the release {release} in the namespace {namespace}");
    let fix = format!(
        "Go on with helm: helm upgrade {release} CHART -n {namespace}, or helm uninstall {release} -n {namespace}"
    );
    Fault::new(Code::InstalledOtherwise, detail).with_fix(fix)
}

fn elsewhere(object: &Object, namespace: &str) -> Fault {
    let detail = format!("{object} belongs to the Hawser in the namespace {namespace}, and a cluster has one");
    Fault::new(Code::InstalledOtherwise, detail).with_fix(format!("Name that one: --manager-namespace {namespace}"))
}

/// All objects of a kind, in a namespace or in the cluster. A kind that the server doesn't know has none.
pub async fn list(
    api: &Api,
    kind: &'static Kind,
    namespace: Option<&str>,
    selector: &str,
) -> Result<Vec<Object>, Fault> {
    #[derive(Deserialize)]
    struct Page {
        metadata: Value,
        items: Vec<Value>,
    }
    let mut objects = Vec::new();
    let mut next = String::new();
    loop {
        let path = format!("{}?limit={}&labelSelector={selector}&continue={next}", kind.path(namespace), limits::PAGE);
        let page: Page = match api.request(Method::GET, &path, None).await {
            Err(ApiError::Refused { status: 404, .. }) => return Ok(objects),
            page => page?,
        };
        objects.extend(page.items.into_iter().map(|body| Object { kind, body }));
        next = page.metadata["continue"].as_str().unwrap_or_default().to_owned();
        if next.is_empty() {
            return Ok(objects);
        }
    }
}

/// An object, if it is there.
pub async fn get(api: &Api, path: &str) -> Result<Option<Value>, Fault> {
    match api.request(Method::GET, path, None).await {
        Ok(body) => Ok(Some(body)),
        Err(ApiError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::manifests::render;
    use crate::install::testing::options;

    #[test]
    fn whose_an_installation_is() {
        let objects = render(&options()).unwrap();
        let changed = |label: &str, value: &str| {
            let mut objects = objects.clone();
            objects.iter_mut().for_each(|object| object.set_label(label, value));
            objects
        };
        assert_eq!(ours(objects.clone(), "tools").unwrap().len(), objects.len());
        assert_eq!(ours(changed(MANAGED_BY, "somebody"), "tools").unwrap(), []);

        let mut helm = changed(MANAGED_BY, "Helm");
        helm[0].set_annotation("meta.helm.sh/release-name", "hawser");
        helm[0].set_annotation("meta.helm.sh/release-namespace", "dev");
        let fault = ours(helm, "tools").unwrap_err();
        assert_eq!(fault.code, Code::InstalledOtherwise);
        assert!(fault.detail.contains("by Helm, as the release hawser in the namespace dev"), "{fault}");

        let fault = ours(objects, "other").unwrap_err();
        assert_eq!(fault.code, Code::InstalledOtherwise);
        assert_eq!(fault.fix, "Name that one: --manager-namespace tools");
    }
}
