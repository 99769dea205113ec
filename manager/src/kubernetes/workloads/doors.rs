//! The ways by which clients come to an intercept's ports: services' addresses, and the pods' own.

use std::collections::HashMap;
use std::net::SocketAddr;

use hawser_api::Workload;
use hawser_fault::Fault;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use kube::core::Selector;

use super::Workloads;
use super::loaded::{Loaded, refused};
use super::pods::{self, PodInfo};
use crate::exchange::{Behind, Carried, Door};
use crate::injection::Port;
use crate::kubernetes::catalogue::Labels;

impl Workloads {
    /// Those to each of its ports.
    ///
    /// # Errors
    /// `workload-unknown`, `rights-missing`, `api-refused`.
    pub async fn doors(&self, intercept: &Carried) -> Result<Vec<Door>, Fault> {
        let (kind, name) = intercept.workload.clone();
        let workload = Workload { kind, name };
        let loaded = Loaded::get(&self.client, &self.catalogue, &intercept.namespace, &workload).await?;
        let own = pods::of(&self.client, &loaded).await?;
        let mut selected: HashMap<String, Vec<PodInfo>> = HashMap::new();
        let mut doors = Vec::new();
        for port in intercept.ports.iter().filter_map(|port| {
            let number = u16::try_from(port.port).ok()?;
            Some(Port { number, udp: port.udp })
        }) {
            for (service, number) in loaded.seen().leading_to(port) {
                let Some((address, selector)) = self.catalogue.service(&intercept.namespace, service) else { continue };
                if !selected.contains_key(service) {
                    let pods = self.selected(&loaded, &selector).await?;
                    selected.insert(service.to_owned(), pods);
                }
                let ready = selected[service].iter().filter(|pod| pod.ready);
                doors.push(Door {
                    service: Some(service.to_owned()),
                    pods: ready.map(|pod| behind(pod, port, &own)).collect(),
                    address: Some(SocketAddr::new(address, number)),
                    port,
                });
            }
            doors.extend(own.iter().map(|pod| of_pod(pod, port, &own)));
        }
        Ok(doors)
    }

    /// The pods that a service selects, be they of this workload or not.
    async fn selected(&self, loaded: &Loaded, selector: &Labels) -> Result<Vec<PodInfo>, Fault> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &loaded.namespace);
        let selector: Selector = selector.clone().into_iter().collect();
        let found = api.list(&ListParams::default().labels_from(&selector)).await;
        let found = found.map_err(|error| refused(&loaded.namespace, &loaded.workload, &error))?;
        Ok(found.items.iter().filter_map(pods::info).collect())
    }
}

fn of_pod(pod: &PodInfo, port: Port, own: &[PodInfo]) -> Door {
    let entrance = pod.agent.as_ref().and_then(|agent| agent.entrance(port));
    let address = pod.address.zip(entrance).map(|(address, entrance)| SocketAddr::new(address, entrance));
    Door { service: None, pods: vec![behind(pod, port, own)], address, port }
}

fn behind(pod: &PodInfo, port: Port, own: &[PodInfo]) -> Behind {
    let guarded = pod.agent.as_ref().is_some_and(|agent| agent.entrance(port).is_some());
    let is_own = own.iter().any(|one| one.uid == pod.uid);
    Behind { name: pod.name.clone(), uid: pod.uid.clone(), guarded: guarded && is_own }
}
