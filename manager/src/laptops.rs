//! What laptops get of this manager: what the cluster is, flows into it, and deliveries of what they intercept.

use std::sync::Arc;

use futures_util::stream;
use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::link::{Link, Shared};
use hawser_tunnel::proto::{Alias, CheckReply, Distance, HelloReply, InterceptList, PreviewReply};
use hawser_tunnel::server::{
    Catalogues, Changes, Checking, Host, InterceptLists, Previewing, Proving, RequestLists, Serving,
};
use hawser_tunnel::sockets::{self, Opener, Side, Sockets};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::changes::{self, texts};
use crate::cluster::{Cluster, Preview, View};
use crate::exchange::Exchange;
use crate::metrics;
use crate::session::Session;

/// What all laptops' links share.
pub struct Laptops {
    /// The world.
    pub cluster: Arc<dyn Cluster>,
    /// Who else is linked here.
    pub exchange: Arc<Exchange>,
    /// True when this manager is about to stop.
    pub stopping: watch::Receiver<bool>,
}

impl Host for Laptops {
    type Endpoint = Sockets;

    fn cluster(&self, peer: Pin) -> HelloReply {
        let View {
            subnets,
            excluded_subnets,
            domains,
            search_domain,
            excluded_domains,
            excluded_names,
            aliases,
            also_subnets,
            agent_idle,
        } = self.cluster.view(peer);
        HelloReply {
            subnets: texts(&subnets),
            domains,
            search_domain,
            excluded_subnets: texts(&excluded_subnets),
            excluded_domains,
            excluded_names,
            aliases: aliases.into_iter().map(|(name, target)| Alias { name, target }).collect(),
            also_subnets: texts(&also_subnets),
            agent_idle_s: agent_idle.as_secs().try_into().unwrap_or(u32::MAX),
            ..HelloReply::default()
        }
    }

    fn changes(&self, peer: Pin) -> Changes {
        changes::of(self.cluster.clone(), peer)
    }

    fn catalogue(&self, peer: Pin, namespaces: Vec<String>) -> Catalogues {
        self.cluster.catalogue(peer, namespaces)
    }

    fn serve(&self, peer: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let (cluster, exchange) = (self.cluster.clone(), self.exchange.clone());
        let session = Arc::new(Session { cluster: cluster.clone(), exchange, laptop: peer });
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Server, session, Opener::default())));
        let (serving, stopping) = (sockets.clone(), self.stopping.clone());
        let serve = move |link| -> Serving {
            Box::pin(async move {
                metrics::LINKS.up();
                metrics::LINKS_BEGUN.up();
                cluster.linked(peer, true);
                tracing::info!("session begins");
                let reason = sockets::serve(serving, link, stopping).await;
                tracing::info!(%reason, "session ends");
                cluster.linked(peer, false);
                metrics::LINKS.down();
            })
        };
        (sockets, serve)
    }

    fn intercepts(&self, peer: Pin) -> InterceptLists {
        let state = (self.exchange.clone(), self.exchange.changes(), None::<InterceptList>);
        Box::pin(stream::unfold(state, move |(exchange, mut changes, told)| async move {
            loop {
                changes.mark_unchanged();
                let list = exchange.intercepts_of(peer);
                if told.as_ref() != Some(&list) {
                    return Some((list.clone(), (exchange, changes, Some(list))));
                }
                changes.changed().await.ok()?;
            }
        }))
    }

    fn requests(&self, peer: Pin) -> RequestLists {
        self.exchange.requests_of(peer)
    }

    fn check(&self, peer: Pin, namespace: String) -> Checking {
        let cluster = self.cluster.clone();
        Box::pin(async move {
            match cluster.check(peer, namespace).await {
                Ok(()) => CheckReply::default(),
                Err(fault) => CheckReply { code: fault.code.to_string(), detail: fault.detail, fix: fault.fix },
            }
        })
    }

    fn preview(&self, peer: Pin, namespace: String, spec: String) -> Previewing {
        let cluster = self.cluster.clone();
        Box::pin(async move {
            let spec = serde_json::from_str(&spec)
                .map_err(|error| Fault::new(Code::BadArgument, format!("this is no intercept: {error}")));
            let preview = match spec {
                Ok(spec) => cluster.preview(peer, namespace, spec).await,
                Err(fault) => Err(fault),
            };
            match preview {
                Ok(Preview { will_restart, notes }) => PreviewReply { will_restart, notes, ..PreviewReply::default() },
                Err(Fault { code, detail, fix, .. }) => {
                    PreviewReply { code: code.to_string(), detail, fix, ..PreviewReply::default() }
                }
            }
        })
    }

    fn prove(&self, peer: Pin, uid: String) -> Proving {
        let (cluster, exchange) = (self.cluster.clone(), self.exchange.clone());
        Box::pin(async move { exchange.prove(peer, &uid, &*cluster).await })
    }

    fn distances(&self, peer: Pin) -> Vec<Distance> {
        let agents = self.exchange.agents_of(peer).into_iter();
        let far = |(pod, agent): (String, Opener)| {
            let round_trip_us = u64::try_from(agent.round_trip()?.as_micros()).unwrap_or(u64::MAX);
            Some(Distance { pod, round_trip_us })
        };
        agents.filter_map(far).collect()
    }

    fn deliveries(&self, peer: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let opener = Opener::default();
        let gate = Arc::new(self.exchange.deliveries(peer));
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Server, gate, opener.clone())));
        let (serving, stopping, exchange) = (sockets.clone(), self.stopping.clone(), self.exchange.clone());
        let serve = move |link| -> Serving {
            Box::pin(async move {
                let served = sockets::serve(serving, link, stopping);
                let _linked = exchange.link_laptop(peer, opener);
                served.await;
            })
        };
        (sockets, serve)
    }
}
