//! Workloads and their pods: what an intercept finds there, what it would change, and pods with an agent in the place of pods
//! without.

mod doors;
mod dry_run;
mod loaded;
mod managed;
mod pods;
mod policies;
mod replacement;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hawser_api::{Intercept, Workload};
use hawser_fault::{Code, Fault};
use json_patch::Patch;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, Client, ResourceExt as _};
use parking_lot::{Mutex, RwLock};
use tokio::time::sleep;

use super::authority::{self, Authority};
use super::catalogue::Catalogue;
use super::settings::{Agent, Place, Settings};
use super::wants::{Owner, Wants, owners};
use super::webhook::Admission;
use crate::cluster::Preview;
use crate::injection::resolution::{ResolvedPort, Seen};
use crate::injection::{ANNOTATION, DISABLED, ENABLED, Sidecar, Want, inject};
use crate::limits;
use loaded::Loaded;

pub use pods::{PodInfo, lives};

/// The port of the managers' service that agents dial.
pub const AGENTS_PORT: u16 = 7301;
/// The first minor version of Kubernetes 1 whose services find named ports of native sidecars.
const NATIVE: u32 = 32;

/// All workloads of the namespaces that are served.
pub struct Workloads {
    client: Client,
    agent: Agent,
    place: Place,
    wants: Arc<Wants>,
    catalogue: Arc<Catalogue>,
    authority: Arc<Authority>,
    learned: RwLock<Option<Learned>>,
    /// Held while a workload's pods are replaced.
    turns: Mutex<HashMap<(String, Owner), Arc<Turn>>>,
}

type Turn = tokio::sync::Mutex<()>;

/// What is asked of the cluster now and then.
#[derive(Clone)]
struct Learned {
    native: bool,
    /// The address of the managers' service: a pod need not use the cluster's name servers.
    manager: String,
}

impl Workloads {
    /// Begins to follow what intercepts want of them.
    pub fn follow(
        client: &Client,
        settings: &Settings,
        place: &Place,
        catalogue: Arc<Catalogue>,
        authority: Arc<Authority>,
    ) -> Arc<Self> {
        let workloads = Arc::new(Self {
            client: client.clone(),
            agent: settings.agent.clone(),
            place: place.clone(),
            wants: Wants::follow(client, settings, place),
            catalogue,
            authority,
            learned: RwLock::default(),
            turns: Mutex::default(),
        });
        tokio::spawn(workloads.clone().learn());
        workloads
    }

    /// The ports of the workload that an intercept is for.
    ///
    /// # Errors
    /// `workload-unknown`, `container-unknown`, `port-unknown`, `port-ambiguous`, `rights-missing`, `api-refused`.
    pub async fn ports(&self, intercept: &Intercept) -> Result<Vec<ResolvedPort>, Fault> {
        self.load(intercept).await?.seen().resolve(&intercept.spec)
    }

    /// The container whose environment and files the laptop gets, or which is replaced.
    ///
    /// # Errors
    /// As [`ports`](Workloads::ports).
    pub async fn container(&self, intercept: &Intercept) -> Result<String, Fault> {
        self.load(intercept).await?.seen().container(&intercept.spec)
    }

    /// The pods of a workload that are neither ended nor about to.
    ///
    /// # Errors
    /// `workload-unknown`, `rights-missing`, `api-refused`.
    pub async fn pods(&self, namespace: &str, workload: &Workload) -> Result<Vec<PodInfo>, Fault> {
        let loaded = Loaded::get(&self.client, &self.catalogue, namespace, workload).await?;
        pods::of(&self.client, &loaded).await
    }

    /// The uids of those of its pods that can't do what the intercept, and others of its workload, want of them.
    pub async fn lacking(&self, intercept: &Intercept, pods: &[PodInfo]) -> HashSet<String> {
        let Ok(loaded) = self.load(intercept).await else { return HashSet::new() };
        let want = self.want(&loaded, intercept);
        pods.iter().filter(|pod| pod.lacks(&want)).map(|pod| pod.uid.clone()).collect()
    }

    /// Tries what an intercept would do, and does nothing: its ports, network policies, the admission of a pod with an agent, the
    /// webhook, and the eviction of a pod without.
    ///
    /// # Errors
    /// As [`ports`](Workloads::ports), and `injection-disabled`, `injection-impossible`, `pod-refused`, `webhook-unreachable`,
    /// `eviction-blocked`.
    pub async fn preview(&self, intercept: &Intercept) -> Result<Preview, Fault> {
        let loaded = self.load(intercept).await?;
        loaded.seen().resolve(&intercept.spec)?;
        loaded.seen().container(&intercept.spec)?;
        let want = self.want(&loaded, intercept);
        let pods = pods::of(&self.client, &loaded).await?;
        let lacking: Vec<&PodInfo> = pods.iter().filter(|pod| pod.lacks(&want)).collect();
        if pods.is_empty() || !lacking.is_empty() {
            policies::check(&self.client, &loaded, &want).await?;
            if let Some(first) = lacking.first() {
                replacement::try_to_evict(&self.client, &loaded.namespace, first).await?;
            }
            self.try_to_create(&loaded, &want, intercept.uid().is_some()).await?;
        }
        let managed = managed::by(&loaded.metadata);
        let mut notes: Vec<String> =
            managed.iter().map(|managed| format!("{} {} manages it", managed.tool, managed.part_of)).collect();
        if pods.len() == 1 && lacking.len() == 1 {
            notes.push("it has one pod: nobody answers from its end until its successor is ready".to_owned());
        }
        Ok(Preview { will_restart: lacking.iter().map(|pod| pod.name.clone()).collect(), notes })
    }

    /// Evicts the pods that can't do what intercepts want of them, one after the other, each when the successor of the one
    /// before it is ready.
    ///
    /// # Errors
    /// `workload-unknown`, `eviction-blocked`, `pods-not-ready`, `rights-missing`, `api-refused`.
    pub async fn replace_pods(&self, namespace: &str, workload: &Workload) -> Result<(), Fault> {
        let turn = self.turn(namespace, workload);
        let _turn = turn.lock().await;
        let loaded = Loaded::get(&self.client, &self.catalogue, namespace, workload).await?;
        let wanted = self.wants.of(namespace, &[loaded.owner()], true);
        if wanted.is_empty() {
            return Ok(());
        }
        let want = loaded.seen().want(&wanted);
        replacement::replace(&self.client, &loaded, &|pod| pod.lacks(&want)).await
    }

    /// Evicts the pods that have an agent which no intercept wants and no annotation asks for, or a stand-in in place of a program.
    ///
    /// # Errors
    /// As [`replace_pods`](Workloads::replace_pods).
    pub async fn remove_agents(&self, namespace: &str, workload: &Workload) -> Result<(), Fault> {
        let turn = self.turn(namespace, workload);
        let _turn = turn.lock().await;
        let loaded = Loaded::get(&self.client, &self.catalogue, namespace, workload).await?;
        let annotation =
            loaded.template.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref()?.get(ANNOTATION));
        let wanted = self.wants.of(namespace, &[loaded.owner()], true);
        if !wanted.is_empty() {
            return Ok(());
        }
        let keeps = annotation.is_some_and(|value| value == ENABLED) || loaded.has_agent();
        let is_due = |pod: &PodInfo| pod.agent.as_ref().is_some_and(|agent| !keeps || !agent.replaced.is_empty());
        replacement::replace(&self.client, &loaded, &is_due).await
    }

    /// One after the other: each counts how many pods are ready before it takes one away.
    fn turn(&self, namespace: &str, workload: &Workload) -> Arc<Turn> {
        let mut turns = self.turns.lock();
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        turns.entry((namespace.to_owned(), (workload.kind, workload.name.clone()))).or_default().clone()
    }

    /// What the webhook changes of a pod.
    ///
    /// # Errors
    /// Those of [`inject`]; the pod then stays as it is.
    pub fn mutate(&self, admission: &Admission) -> Result<Option<Patch>, Fault> {
        let namespace = &admission.namespace;
        if *namespace == self.place.namespace || namespace == "kube-system" {
            return Ok(None);
        }
        let pod: Pod = serde_json::from_value(admission.object.clone())
            .map_err(|error| Fault::new(Code::Internal, format!("a pod cannot be read: {error}")))?;
        let annotation = pod.annotations().get(ANNOTATION).map(String::as_str);
        let wanted = self.wants.of(namespace, &owners(&pod.metadata), admission.dry_run);
        if annotation == Some(DISABLED) || (wanted.is_empty() && annotation != Some(ENABLED)) {
            return Ok(None);
        }
        let services = self.catalogue.services(namespace, pod.labels());
        let spec = pod.spec.clone().unwrap_or_default();
        let seen = Seen { spec: &spec, services: &services };
        let want = if annotation == Some(ENABLED) { seen.want_of_willing(&wanted) } else { seen.want(&wanted) };
        let patch = inject(&admission.object, &want, &self.sidecar()?)?;
        Ok((!patch.is_empty()).then_some(patch))
    }

    /// Whether the webhook is asked about new pods of this namespace, and admission takes one with an agent.
    ///
    /// # Errors
    /// `webhook-unreachable`, `pod-refused`, `rights-missing`, `api-refused`.
    pub async fn check(&self, namespace: &str) -> Result<(), Fault> {
        if *namespace == self.place.namespace || namespace == "kube-system" {
            return Ok(());
        }
        dry_run::create(&self.client, namespace, &dry_run::willing(), &Want::default()).await
    }

    /// What the intercept, and the others of its workload, want of its pods.
    fn want(&self, loaded: &Loaded, intercept: &Intercept) -> Want {
        let mut wanted = self.wants.of(&loaded.namespace, &[loaded.owner()], true);
        if !wanted.contains(&intercept.spec) {
            wanted.push(intercept.spec.clone());
        }
        loaded.seen().want(&wanted)
    }

    async fn load(&self, intercept: &Intercept) -> Result<Loaded, Fault> {
        let namespace = intercept.namespace().unwrap_or_default();
        Loaded::get(&self.client, &self.catalogue, &namespace, &intercept.spec.workload).await
    }

    /// Tries a pod such as the workload would have. The webhook gives an agent to no pod for an intercept that isn't there: then one
    /// that has its agent already is tried, and one that asks for an agent by itself.
    async fn try_to_create(&self, loaded: &Loaded, want: &Want, is_there: bool) -> Result<(), Fault> {
        let mut pod = loaded.example();
        let unwritable = |error| Fault::new(Code::Internal, format!("a pod cannot be written: {error}"));
        let mut value = serde_json::to_value(&pod).map_err(unwritable)?;
        let patch = inject(&value, want, &self.sidecar()?)?;
        if is_there {
            return dry_run::create(&self.client, &loaded.namespace, &pod, want).await;
        }
        pod.annotations_mut().insert(ANNOTATION.to_owned(), ENABLED.to_owned());
        dry_run::create(&self.client, &loaded.namespace, &pod, &Want::default()).await?;
        json_patch::patch(&mut value, &patch)
            .map_err(|error| Fault::new(Code::Internal, format!("a pod cannot be given an agent: {error}")))?;
        let pod = serde_json::from_value(value).map_err(unwritable)?;
        dry_run::create(&self.client, &loaded.namespace, &pod, want).await
    }

    /// What all agents have in common.
    ///
    /// # Errors
    /// `internal` in the manager's first moments.
    fn sidecar(&self) -> Result<Sidecar, Fault> {
        let early = || Fault::new(Code::Internal, "the manager has not found out yet what its agents need");
        let Learned { native, manager } = self.learned.read().clone().ok_or_else(early)?;
        let agent = &self.agent;
        Ok(Sidecar {
            image: if agent.image.is_empty() { self.place.image.clone() } else { agent.image.clone() },
            pull_policy: agent.pull_policy.clone(),
            resources: agent.resources.clone(),
            native,
            manager,
            manager_name: self.authority.name(),
            authority: self.authority.bundle().ok_or_else(early)?,
        })
    }

    async fn learn(self: Arc<Self>) {
        loop {
            let wait = match self.ask().await {
                Ok(learned) => {
                    *self.learned.write() = Some(learned);
                    limits::LEARN_AGAIN
                }
                Err(error) => {
                    tracing::warn!(%error, "the cluster does not say what agents need to know");
                    limits::AUTHORITY_RETRY
                }
            };
            sleep(wait).await;
        }
    }

    async fn ask(&self) -> Result<Learned, kube::Error> {
        let version = self.client.apiserver_version().await?;
        let services: Api<Service> = Api::namespaced(self.client.clone(), &self.place.namespace);
        let service = services.get(authority::SERVICE).await?;
        let address = service.spec.and_then(|spec| spec.cluster_ip).filter(|address| address != "None");
        let host = match address {
            Some(address) if address.contains(':') => format!("[{address}]"),
            Some(address) => address,
            None => self.authority.name(),
        };
        Ok(Learned { native: is_native(&version.major, &version.minor), manager: format!("{host}:{AGENTS_PORT}") })
    }
}

/// Providers write minor versions such as `32+`.
fn is_native(major: &str, minor: &str) -> bool {
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap_or_default();
    number(major) > 1 || number(minor) >= NATIVE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_clusters_get_an_ordinary_container() {
        assert!(is_native("1", "32") && is_native("1", "33+") && is_native("2", "0"));
        assert!(!is_native("1", "31") && !is_native("1", "30+") && !is_native("", ""));
    }
}
