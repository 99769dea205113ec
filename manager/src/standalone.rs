//! The world of a standalone manager: what its file says.

mod zone;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin as Pinned;

use bytes::Bytes;
use futures_util::stream;
use hawser_api::InterceptSpec;
use hawser_fault::Fault;
use hawser_tunnel::identity::Pin;
use hawser_tunnel::proto::Catalogue;
use hawser_tunnel::server::Catalogues;
use hickory_proto::op::Message;
use ipnet::IpNet;

use crate::cluster::{Checked, Cluster, Doors, Preview, Previewed, View};
use crate::config::Config;
use crate::exchange::Carried;
use crate::resolver::{self, Upstream};
use tokio::sync::watch;
use zone::Zones;

/// A [`Cluster`] without Kubernetes.
pub struct Standalone {
    authorised_keys: Vec<Pin>,
    subnets: Vec<IpNet>,
    domains: Vec<String>,
    search_domain: String,
    zones: Zones,
    upstream: Upstream,
    /// The file is read once: it never fires.
    changes: watch::Sender<()>,
}

impl Standalone {
    /// The world of this file.
    ///
    /// # Errors
    /// Fails if a zone's name is malformed or there is no usable name server.
    pub fn new(config: &Config) -> Result<Self, Fault> {
        Ok(Self {
            authorised_keys: config.authorised_keys.clone(),
            subnets: config.subnets.clone(),
            domains: config.domains.clone(),
            search_domain: config.search_domain.clone(),
            zones: Zones::new(&config.zones)?,
            upstream: Upstream::new(&config.name_servers)?,
            changes: watch::Sender::new(()),
        })
    }
}

impl Cluster for Standalone {
    fn admits(&self, client: Pin) -> bool {
        self.authorised_keys.contains(&client)
    }

    fn view(&self, _: Pin) -> View {
        View {
            subnets: self.subnets.clone(),
            domains: self.domains.clone(),
            search_domain: self.search_domain.clone(),
            ..View::default()
        }
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn serves(&self, target: IpAddr) -> bool {
        self.subnets.iter().any(|subnet| subnet.contains(&target))
    }

    fn resolve(&self, query: Bytes) -> Pinned<Box<dyn Future<Output = Option<Bytes>> + Send + '_>> {
        Box::pin(async move {
            let query = Message::from_vec(&query).ok()?;
            let question = query.queries.first()?;
            let answer = match self.zones.answer(question) {
                Some(answer) => answer,
                None => self.upstream.answer(question).await?,
            };
            resolver::respond(&query, answer)
        })
    }

    /// There are no workloads without Kubernetes.
    fn catalogue(&self, _: Pin, _: Vec<String>) -> Catalogues {
        Box::pin(stream::iter([Catalogue { whole: true, ..Catalogue::default() }]))
    }

    /// Nothing is intercepted here.
    fn doors<'a>(&'a self, _: &'a Carried) -> Doors<'a> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Nobody gets an agent here.
    fn check(&self, _: Pin, _: String) -> Checked<'_> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Nor does anything begin.
    fn preview(&self, _: Pin, _: String, _: InterceptSpec) -> Previewed<'_> {
        Box::pin(std::future::ready(Ok(Preview::default())))
    }

    fn linked(&self, _: Pin, _: bool) {}

    fn leave(&self) -> Pinned<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
