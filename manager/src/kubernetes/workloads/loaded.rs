//! A workload, as the API server has it now.

use hawser_api::{Workload, WorkloadKind};
use hawser_fault::{Code, Fault};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::injection::present;
use crate::injection::resolution::{Seen, Service, kind};
use crate::kubernetes::catalogue::Catalogue;
use crate::kubernetes::wants::Owner;

/// The hash of a ReplicaSet that nobody has.
const HASH: &str = "hawser-preview";

/// What intercepts have to know of a workload.
pub struct Loaded {
    pub namespace: String,
    pub workload: Workload,
    pub metadata: ObjectMeta,
    pub selector: LabelSelector,
    pub template: PodTemplateSpec,
    /// Pods that it is to have.
    pub replicas: usize,
    /// That lead to its pods.
    services: Vec<Service>,
    spec: PodSpec,
}

impl Loaded {
    /// Reads it.
    ///
    /// # Errors
    /// `workload-unknown`, `rights-missing`, `api-refused`.
    pub async fn get(
        client: &Client,
        catalogue: &Catalogue,
        namespace: &str,
        workload: &Workload,
    ) -> Result<Self, Fault> {
        let (metadata, selector, template, replicas) = match workload.kind {
            WorkloadKind::Deployment => {
                let object: Deployment = read(client, namespace, workload).await?;
                let spec = object.spec.unwrap_or_default();
                (object.metadata, spec.selector, spec.template, spec.replicas)
            }
            WorkloadKind::StatefulSet => {
                let object: StatefulSet = read(client, namespace, workload).await?;
                let spec = object.spec.unwrap_or_default();
                (object.metadata, spec.selector, spec.template, spec.replicas)
            }
            WorkloadKind::ReplicaSet => {
                let object: ReplicaSet = read(client, namespace, workload).await?;
                let spec = object.spec.unwrap_or_default();
                (object.metadata, spec.selector, spec.template.unwrap_or_default(), spec.replicas)
            }
        };
        let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
        Ok(Self {
            namespace: namespace.to_owned(),
            workload: workload.clone(),
            metadata,
            selector,
            // Kubernetes' default.
            replicas: replicas.map_or(1, |replicas| usize::try_from(replicas).unwrap_or_default()),
            services: catalogue.services(namespace, &labels),
            spec: template.spec.clone().unwrap_or_default(),
            template,
        })
    }

    /// What ports are looked up in.
    pub fn seen(&self) -> Seen<'_> {
        Seen { spec: &self.spec, services: &self.services }
    }

    /// As pods name it.
    pub fn owner(&self) -> Owner {
        (self.workload.kind, self.workload.name.clone())
    }

    /// Whether its own manifest has an agent.
    pub fn has_agent(&self) -> bool {
        present(&self.example()).is_some()
    }

    /// A pod as the workload's controller would make one.
    pub fn example(&self) -> Pod {
        let template = self.template.metadata.clone().unwrap_or_default();
        let mut labels = template.labels.unwrap_or_default();
        let name = &self.workload.name;
        let (owner_kind, owner_name) = match self.workload.kind {
            WorkloadKind::Deployment => {
                labels.insert("pod-template-hash".to_owned(), HASH.to_owned());
                (WorkloadKind::ReplicaSet, format!("{name}-{HASH}"))
            }
            kind => (kind, name.clone()),
        };
        let owner = OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: kind(owner_kind).to_owned(),
            name: owner_name,
            uid: self.metadata.uid.clone().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: None,
        };
        Pod {
            metadata: ObjectMeta {
                generate_name: Some(format!("{HASH}-")),
                namespace: Some(self.namespace.clone()),
                labels: Some(labels),
                annotations: template.annotations,
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec.clone()),
            ..Pod::default()
        }
    }
}

async fn read<K>(client: &Client, namespace: &str, workload: &Workload) -> Result<K, Fault>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    api.get(&workload.name).await.map_err(|error| refused(namespace, workload, &error))
}

/// What it means that the API server says no about a workload.
pub fn refused(namespace: &str, workload: &Workload, error: &kube::Error) -> Fault {
    let what = format!("{} {} in namespace {namespace}", kind(workload.kind), workload.name);
    match error {
        kube::Error::Api(status) if status.code == 404 => {
            Fault::new(Code::WorkloadUnknown, format!("{what} is not there"))
        }
        kube::Error::Api(status) if status.code == 403 => {
            Fault::new(Code::RightsMissing, format!("{what}, on the manager's behalf: {}", status.message))
        }
        error => Fault::new(Code::ApiRefused, format!("{what}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::wants::owners;
    use kube::core::Status;
    use serde_json::json;

    #[test]
    fn an_example_belongs_to_its_workload() {
        for kind in [WorkloadKind::Deployment, WorkloadKind::StatefulSet, WorkloadKind::ReplicaSet] {
            let template: PodTemplateSpec = serde_json::from_value(json!({
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web" }] },
            }))
            .unwrap();
            let loaded = Loaded {
                namespace: "shop".to_owned(),
                workload: Workload { kind, name: "my-web".to_owned() },
                metadata: ObjectMeta::default(),
                replicas: 1,
                selector: LabelSelector::default(),
                services: Vec::new(),
                spec: template.spec.clone().unwrap(),
                template,
            };
            let example = loaded.example();
            assert!(owners(&example.metadata).contains(&loaded.owner()), "{kind:?}");
            assert_eq!(example.metadata.labels.unwrap()["app"], "web");
            assert!(!loaded.has_agent());
        }
    }

    #[test]
    fn the_api_server_s_no_has_a_meaning() {
        let workload = Workload { kind: WorkloadKind::Deployment, name: "web".to_owned() };
        let code = |code| {
            let status = Status { code, ..Status::default() };
            refused("shop", &workload, &kube::Error::Api(Box::new(status))).code
        };
        assert_eq!((code(404), code(403), code(500)), (Code::WorkloadUnknown, Code::RightsMissing, Code::ApiRefused));
    }
}
