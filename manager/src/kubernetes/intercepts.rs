//! Intercepts: every replica carries what is decided, the one that leads decides.

mod decision;
mod holders;
mod idle;
mod status;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hawser_api::{Intercept, InterceptPhase, Mode};
use hawser_fault::Fault;
use hawser_tunnel::identity::Pin;
use hawser_tunnel::proto::OrderPort;
use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher::Config;
use kube::{Client, ResourceExt as _};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::time::sleep;

use super::catalogue::Catalogue;
use super::lease::Leadership;
use super::mirror::{Mirrors, follow, scopes};
use super::sessions::Sessions;
use super::settings::{Place, Settings};
use super::workloads::{AGENTS_PORT, Workloads};
use crate::exchange::{self, Carried, Exchange};
use crate::injection::resolution::ResolvedPort;
use crate::intercepts::filters;
use crate::limits;

/// All intercepts of this manager's sessions.
pub struct Intercepts {
    client: Client,
    namespace: String,
    known: RwLock<Mirrors<Arc<Intercept>>>,
    changes: watch::Sender<()>,
    sessions: Arc<Sessions>,
    workloads: Arc<Workloads>,
    catalogue: Arc<Catalogue>,
    exchange: Arc<Exchange>,
    leadership: Arc<Leadership>,
    /// Ports and container as they were found, by uid.
    found: Mutex<HashMap<String, Found>>,
    /// Pods that are being replaced, by uid; the fault of the last try.
    replacing: Mutex<HashMap<String, Option<Fault>>>,
    idle_time: Duration,
    /// Since when nothing is intercepted of a workload with agents.
    idle_since: Mutex<HashMap<(String, exchange::Workload), Instant>>,
    /// Workloads whose programs are being given back.
    restoring: Mutex<HashSet<(String, exchange::Workload)>>,
}

/// What an intercept stands for.
#[derive(Clone)]
struct Found {
    ports: Vec<ResolvedPort>,
    container: String,
}

impl Intercepts {
    /// Begins to follow them.
    pub fn follow(
        client: &Client,
        settings: &Settings,
        place: &Place,
        sessions: Arc<Sessions>,
        workloads: Arc<Workloads>,
        catalogue: Arc<Catalogue>,
        exchange: Arc<Exchange>,
    ) -> Arc<Self> {
        let scopes = scopes::<Intercept>(client, &settings.namespaces);
        let intercepts = Arc::new(Self {
            client: client.clone(),
            namespace: place.namespace.clone(),
            known: RwLock::new(Mirrors::of(scopes.len())),
            changes: watch::Sender::new(()),
            sessions,
            workloads,
            catalogue,
            exchange,
            leadership: Leadership::seek(client, place),
            found: Mutex::default(),
            replacing: Mutex::default(),
            idle_time: Duration::from_secs(settings.agent.idle_seconds),
            idle_since: Mutex::default(),
            restoring: Mutex::default(),
        });
        for (scope, api) in scopes.into_iter().enumerate() {
            let following = intercepts.clone();
            tokio::spawn(async move {
                let told = |event| {
                    if following.known.write().take(scope, event, kept) {
                        following.changes.send_replace(());
                    }
                };
                follow(api, Config::default(), told).await;
            });
        }
        tokio::spawn(intercepts.clone().keep());
        intercepts
    }

    /// Lets another replica lead.
    pub async fn leave(&self) {
        self.leadership.resign().await;
    }

    async fn keep(self: Arc<Self>) {
        let mut own = self.changes.subscribe();
        let mut sessions = self.sessions.changes();
        let mut links = self.exchange.changes();
        let mut beats = 0_u32;
        loop {
            let beat = tokio::select! {
                _ = own.changed() => false,
                _ = sessions.changed() => false,
                _ = links.changed() => false,
                () = self.leadership.begun.notified() => true,
                () = sleep(limits::INTERCEPTS_BEAT) => true,
            };
            beats = beats.wrapping_add(u32::from(beat));
            let replicas = self.sessions.replicas().into_iter();
            self.exchange.know_managers(replicas.map(|ip| SocketAddr::new(ip, AGENTS_PORT).to_string()).collect());
            let known: Vec<Arc<Intercept>> = self.ours();
            self.catalogue.hold(holders::of(&known));
            self.carry(&known).await;
            if self.leadership.leads() {
                // Those that are settled are looked at now and then only: their pods may have changed.
                let all = beat && beats.is_multiple_of(limits::SETTLED_BEATS);
                self.decide(&known, all, !beat).await;
                self.restore_programs(&known);
                if all {
                    self.remove_idle();
                }
            }
        }
    }

    /// Those of this manager's sessions.
    fn ours(&self) -> Vec<Arc<Intercept>> {
        let is_ours = |intercept: &&Arc<Intercept>| {
            intercept.spec.session_namespace.as_ref().is_none_or(|namespace| *namespace == self.namespace)
        };
        self.known.read().values().filter(is_ours).cloned().collect()
    }

    /// Tells the exchange what is decided.
    async fn carry(&self, known: &[Arc<Intercept>]) {
        let mut carried = Vec::new();
        for intercept in known.iter().filter(|intercept| is_carried(intercept)) {
            // A session of the same name may be another user's by now.
            let session = self.sessions.named(&intercept.spec.session);
            if session.is_some_and(|(user, _)| user == intercept.spec.user)
                && let (Some(laptop), Ok(found)) =
                    (self.sessions.pin_of(&intercept.spec.session), self.look_up(intercept).await)
            {
                carried.push(carried_as(intercept, laptop, found));
            }
        }
        let uids: HashSet<String> = known.iter().filter_map(|intercept| intercept.uid()).collect();
        self.found.lock().retain(|uid, _| uids.contains(uid));
        self.exchange.carry(carried);
    }

    /// What the intercept stands for; looked up once, as a rollout must not move it.
    async fn look_up(&self, intercept: &Intercept) -> Result<Found, Fault> {
        let uid = intercept.uid().unwrap_or_default();
        if let Some(found) = self.found.lock().get(&uid) {
            return Ok(found.clone());
        }
        if let Some(http) = intercept.spec.filters.as_ref().and_then(|filters| filters.http.as_ref()) {
            filters::check(http)?;
        }
        let ports = self.workloads.ports(intercept).await?;
        let container = self.workloads.container(intercept).await?;
        let found = Found { ports, container };
        self.found.lock().insert(uid, found.clone());
        Ok(found)
    }
}

fn kept(intercept: &Intercept) -> Option<Arc<Intercept>> {
    let mut intercept = intercept.clone();
    intercept.metadata.managed_fields = None;
    intercept.metadata.resource_version = None;
    Some(Arc::new(intercept))
}

fn phase(intercept: &Intercept) -> InterceptPhase {
    intercept.status.as_ref().and_then(|status| status.phase).unwrap_or(InterceptPhase::Pending)
}

fn is_carried(intercept: &Intercept) -> bool {
    intercept.metadata.deletion_timestamp.is_none()
        && matches!(phase(intercept), InterceptPhase::Preparing | InterceptPhase::Active)
}

fn carried_as(intercept: &Intercept, laptop: Pin, found: Found) -> Carried {
    let spec = &intercept.spec;
    Carried {
        name: intercept.name_any(),
        namespace: intercept.namespace().unwrap_or_default(),
        uid: intercept.uid().unwrap_or_default(),
        user: spec.user.clone(),
        laptop,
        workload: (spec.workload.kind, spec.workload.name.clone()),
        container: found.container,
        copy: spec.mode == Mode::Wiretap,
        ports: found
            .ports
            .iter()
            .map(|port| OrderPort {
                port: port.port.number.into(),
                udp: port.port.udp,
                local_port: port.local_port.into(),
            })
            .collect(),
        http: spec.filters.as_ref().and_then(|filters| filters.http.as_ref()).map(filters::told),
    }
}

/// How long ago that was.
fn since(time: Option<Timestamp>) -> Duration {
    time.map_or(Duration::ZERO, |time| Timestamp::now().duration_since(time).unsigned_abs())
}
