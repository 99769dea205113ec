//! The world of a manager in a Kubernetes cluster: what the API server says.
//!
//! Everything is mirrored by watches and read from memory; nothing here is state that a restart could lose. Sessions are in
//! `sessions`, what is routed in `network`, what is resolved in `names`, what may be worked on in `catalogue`.
//! What intercepts change of pods is in `workloads`, the API server's way to it in `webhook` and `authority`.

mod authority;
mod catalogue;
mod endpoints;
mod intercepts;
mod lease;
mod mirror;
mod names;
mod network;
mod policy;
mod replicas;
mod rights;
mod sessions;
mod settings;
mod tokens;
mod wants;
mod webhook;
mod workloads;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hawser_api::{Intercept, InterceptSpec};
use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::server::Catalogues;
use kube::{Client, Config};
use tokio::sync::watch;

use crate::cluster::{Checked, Cluster, Doors, Previewed, View};
use crate::exchange::{Carried, Exchange, Reviewed};
use crate::server::AgentDoor;
use authority::Authority;
use catalogue::Catalogue;
use intercepts::Intercepts;
use names::Names;
use network::Network;
use sessions::Sessions;
use workloads::Workloads;

pub use settings::{Place, Settings};

/// A [`Cluster`] that is one.
pub struct Kubernetes {
    settings: Settings,
    network: Arc<Network>,
    names: Arc<Names>,
    sessions: Arc<Sessions>,
    catalogue: Arc<Catalogue>,
    intercepts: Arc<Intercepts>,
    workloads: Arc<Workloads>,
    authority: Arc<Authority>,
    client: Client,
    changes: watch::Sender<()>,
}

impl Kubernetes {
    /// Begins to follow the cluster; runs on the present runtime from then on. `pin` is this replica's own, at `webhook` the API
    /// server asks about new pods.
    ///
    /// # Errors
    /// `api-unreachable` if there is no service account to speak with, `dns-unavailable` if there is no name server,
    /// `listen-failed`.
    pub async fn start(
        settings: Settings,
        place: Place,
        pin: Pin,
        webhook: SocketAddr,
        exchange: Arc<Exchange>,
    ) -> Result<Self, Fault> {
        // Whoever links kube and rustls with more than one provider has to choose.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::infer().await.map_err(|error| no_client(&error))?;
        let client = Client::try_from(config.clone()).map_err(|error| no_client(&error))?;
        let changes = watch::Sender::new(());
        let network = Network::follow(&client, &settings, changes.clone());
        let names = Names::follow(&client, &settings, changes.clone())?;
        let catalogue = Catalogue::follow(&client, &settings);
        let authority = Authority::keep(&client, &place);
        let workloads = Workloads::follow(&impatient(config)?, &settings, &place, catalogue.clone(), authority.clone());
        let injecting = workloads.clone();
        webhook::serve(webhook, &authority, Arc::new(move |admission| injecting.mutate(admission))).await?;
        let sessions = Sessions::follow(&client, place.clone(), pin, settings.direct);
        let intercepts = Intercepts::follow(
            &client,
            &settings,
            &place,
            sessions.clone(),
            workloads.clone(),
            catalogue.clone(),
            exchange,
        );
        Ok(Self { settings, network, names, sessions, catalogue, intercepts, workloads, authority, client, changes })
    }

    /// Where agents come in.
    ///
    /// # Errors
    /// `internal` if the TLS library doesn't know its own defaults.
    pub fn agent_door(&self, listen: SocketAddr) -> Result<AgentDoor, Fault> {
        let client = self.client.clone();
        let review = move |token| -> Reviewed {
            let client = client.clone();
            Box::pin(async move { tokens::review(&client, token).await })
        };
        Ok(AgentDoor { listen, acceptor: self.authority.acceptor(&["h2"])?, review: Arc::new(review) })
    }

    /// Whether sessions are admitted: the policy holds and the mirrors are complete.
    pub fn is_ready(&self) -> bool {
        self.sessions.is_ready() && self.network.is_ready() && self.names.is_ready()
    }

    /// Whether this laptop's user may intercept in this namespace.
    async fn permitted(&self, client: Pin, namespace: &str) -> Result<(), Fault> {
        let permitted = match self.sessions.user_of(client) {
            Some(user) => self.catalogue.permits(&user, namespace).await,
            None => false,
        };
        if permitted {
            return Ok(());
        }
        Err(Fault::new(Code::RightsMissing, format!("you may not create intercepts in the namespace {namespace}")))
    }
}

/// A client that takes the first answer: it's a pod's PodDisruptionBudget that says 429 to an eviction, for as long as it pleases.
fn impatient(mut config: Config) -> Result<Client, Fault> {
    config.default_retry = false;
    Client::try_from(config).map_err(|error| no_client(&error))
}

fn no_client(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::ApiUnreachable, format!("no client for the API server: {error}"))
}

impl Cluster for Kubernetes {
    fn admits(&self, client: Pin) -> bool {
        self.sessions.namespace_of(client).is_some()
    }

    fn view(&self, client: Pin) -> View {
        let namespace = self.sessions.namespace_of(client).unwrap_or_default();
        View {
            subnets: self.network.subnets(),
            excluded_subnets: self.settings.never_proxy.clone(),
            domains: self.names.domains(),
            search_domain: self.names.search_domain(&namespace),
            excluded_domains: self.settings.dns.exclude_suffixes.clone(),
            excluded_names: self.settings.dns.excludes.clone(),
            aliases: self.settings.dns.mappings.clone().into_iter().collect(),
            also_subnets: self.settings.also_proxy.clone(),
            agent_idle: Duration::from_secs(self.settings.agent.idle_seconds),
        }
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn serves(&self, target: IpAddr) -> bool {
        self.network.serves(target)
    }

    fn resolve(&self, query: Bytes) -> Pinned<Box<dyn Future<Output = Option<Bytes>> + Send + '_>> {
        Box::pin(self.names.resolve(query))
    }

    fn catalogue(&self, client: Pin, namespaces: Vec<String>) -> Catalogues {
        match self.sessions.user_of(client) {
            Some(user) => catalogue::of(self.catalogue.clone(), user, namespaces),
            None => Box::pin(futures_util::stream::empty()),
        }
    }

    fn doors<'a>(&'a self, intercept: &'a Carried) -> Doors<'a> {
        Box::pin(self.workloads.doors(intercept))
    }

    fn check(&self, client: Pin, namespace: String) -> Checked<'_> {
        Box::pin(async move {
            self.permitted(client, &namespace).await?;
            self.workloads.check(&namespace).await
        })
    }

    fn preview(&self, client: Pin, namespace: String, spec: InterceptSpec) -> Previewed<'_> {
        Box::pin(async move {
            self.permitted(client, &namespace).await?;
            let mut intercept = Intercept::new("preview", spec);
            intercept.metadata.namespace = Some(namespace);
            self.workloads.preview(&intercept).await
        })
    }

    fn linked(&self, client: Pin, there: bool) {
        self.sessions.linked(client, there);
    }

    fn leave(&self) -> Pinned<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            tokio::join!(self.intercepts.leave(), self.sessions.leave());
        })
    }
}
