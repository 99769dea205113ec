//! Which replicas of the manager live.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Config;
use kube::{Api, Client, ResourceExt};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::mirror::{Mirror, follow};

/// The label that the chart gives to the manager's pods, and to nothing else.
const SELECTOR: &str = "app.kubernetes.io/name=hawser,app.kubernetes.io/component=manager";

/// The pods of the manager.
pub struct Replicas(RwLock<Mirror<Living>>);

/// What is kept of one that lives.
#[derive(PartialEq)]
struct Living {
    name: String,
    /// Once it has one.
    address: Option<IpAddr>,
}

impl Replicas {
    /// Begins to follow them; `changes` fires when one comes or goes.
    pub fn follow(client: &Client, namespace: &str, changes: watch::Sender<()>) -> Arc<Self> {
        let replicas = Arc::new(Self(RwLock::default()));
        let (told, pods) = (replicas.clone(), Api::<Pod>::namespaced(client.clone(), namespace));
        tokio::spawn(async move {
            let told = |event| {
                if told.0.write().take(event, living) {
                    changes.send_replace(());
                }
            };
            follow(pods, Config::default().labels(SELECTOR), told).await;
        });
        replicas
    }

    /// The names of those that live; `None` before all are known.
    pub fn living(&self) -> Option<HashSet<String>> {
        let mirror = self.0.read();
        mirror.is_complete().then(|| mirror.values().map(|living| living.name.clone()).collect())
    }

    /// Where they are.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.0.read().values().filter_map(|living| living.address).collect()
    }
}

/// What is kept of a pod unless it has ended or is about to.
fn living(pod: &Pod) -> Option<Living> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let ended = pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Failed" | "Succeeded"));
    let address = status.and_then(|status| status.pod_ip.as_ref()?.parse().ok());
    (!ended).then(|| Living { name: pod.name_any(), address })
}
