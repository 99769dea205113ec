//! Listening, and one thread a processor on which sessions live.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hawser_fault::{Code, Fault};
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::identity::{Identity, Pin};
use hawser_tunnel::limits::{DRAIN, FAREWELL};
use hawser_tunnel::link::{Link, Shared};
use hawser_tunnel::proto::{Alias, HelloReply};
use hawser_tunnel::server::{Acceptor, Catalogues, Changes, Host, InterceptLists, Serving, acceptor, connection};
use hawser_tunnel::sockets::{self, Answer, Gate, Lead, Opener, Side, Sockets};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::changes::{self, texts};
use crate::cluster::{Cluster, View};
use crate::session::Session;
use crate::{limits, metrics};

/// Serves until SIGTERM or SIGINT, then lets flows end for a moment.
pub async fn serve(listen: SocketAddr, identity: &Identity, cluster: Arc<dyn Cluster>) -> Result<(), Fault> {
    raise_file_limit();
    let admits = cluster.clone();
    let acceptor = acceptor(identity, Arc::new(move |pin| admits.admits(pin)))
        .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Fault::new(Code::ListenFailed, format!("{listen}: {error}")))?;
    let (stop, stopping) = watch::channel(false);
    let host = Arc::new(Manager { cluster, stopping, sessions: AtomicUsize::new(0) });
    let workers = workers(&host, &acceptor)?;
    let address = listener.local_addr().unwrap_or(listen);
    tracing::info!(%address, pin = %identity.pin(), "listening");
    let ended = stop_signal()?;
    tokio::select! {
        () = accept(&listener, &workers) => {}
        () = ended => {}
    }
    drop(listener);
    tracing::info!(sessions = host.sessions.load(Ordering::Relaxed), "stopping");
    stop.send_replace(true);
    let deadline = tokio::time::Instant::now() + DRAIN + FAREWELL;
    let _ = tokio::time::timeout(FAREWELL, host.cluster.leave()).await;
    while host.sessions.load(Ordering::Relaxed) > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(())
}

/// What all links of this manager share.
struct Manager {
    cluster: Arc<dyn Cluster>,
    stopping: watch::Receiver<bool>,
    sessions: AtomicUsize,
}

impl Host for Manager {
    type Endpoint = Sockets;

    fn cluster(&self, peer: Pin) -> HelloReply {
        let View { subnets, excluded_subnets, domains, search_domain, excluded_domains, excluded_names, aliases } =
            self.cluster.view(peer);
        HelloReply {
            subnets: texts(&subnets),
            domains,
            search_domain,
            excluded_subnets: texts(&excluded_subnets),
            excluded_domains,
            excluded_names,
            aliases: aliases.into_iter().map(|(name, target)| Alias { name, target }).collect(),
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
        let session = Arc::new(Session { cluster: self.cluster.clone() });
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Server, session, Opener::default())));
        let shared = sockets.clone();
        let stopping = self.stopping.clone();
        let cluster = self.cluster.clone();
        let serve = move |link| -> Serving {
            Box::pin(async move {
                metrics::LINKS.up();
                metrics::LINKS_BEGUN.up();
                cluster.linked(peer, true);
                tracing::info!("session begins");
                let reason = sockets::serve(shared, link, stopping).await;
                tracing::info!(%reason, "session ends");
                cluster.linked(peer, false);
                metrics::LINKS.down();
            })
        };
        (sockets, serve)
    }

    fn intercepts(&self, _: Pin) -> InterceptLists {
        Box::pin(futures_util::stream::pending())
    }

    fn deliveries(&self, _: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Server, Arc::new(Shut), Opener::default())));
        let shared = sockets.clone();
        let stopping = self.stopping.clone();
        let serve = move |link| -> Serving {
            Box::pin(async move {
                sockets::serve(shared, link, stopping).await;
            })
        };
        (sockets, serve)
    }
}

/// Laptops ask for nothing on a link of deliveries.
struct Shut;

impl Gate for Shut {
    fn lead(&self, _: Kind, _: SocketAddr) -> Result<Lead, Reason> {
        Err(Reason::Forbidden)
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}

async fn accept(listener: &TcpListener, workers: &[mpsc::Sender<std::net::TcpStream>]) {
    for turn in 0.. {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: others will end.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Ok(stream) = stream.into_std() {
            // A worker that is that far behind will not catch up for one more.
            let _ = workers[turn % workers.len()].try_send(stream);
        }
    }
}

fn workers(host: &Arc<Manager>, acceptor: &Acceptor) -> Result<Vec<mpsc::Sender<std::net::TcpStream>>, Fault> {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (0..count)
        .map(|number| {
            let (sender, streams) = mpsc::channel(limits::SESSIONS);
            let (host, acceptor) = (host.clone(), acceptor.clone());
            let runtime = runtime()?;
            std::thread::Builder::new()
                .name(format!("sessions-{number}"))
                .spawn(move || runtime.block_on(work(streams, host, acceptor)))
                .map_err(|error| Fault::new(Code::Internal, format!("no thread could be started: {error}")))?;
            Ok(sender)
        })
        .collect()
}

async fn work(mut streams: mpsc::Receiver<std::net::TcpStream>, host: Arc<Manager>, acceptor: Acceptor) {
    while let Some(stream) = streams.recv().await {
        let Ok(stream) = TcpStream::from_std(stream) else { continue };
        if host.sessions.fetch_add(1, Ordering::Relaxed) >= limits::SESSIONS {
            host.sessions.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(limit = limits::SESSIONS, "too many connections");
            continue;
        }
        let (host, acceptor) = (host.clone(), acceptor.clone());
        tokio::spawn(async move {
            if let Err(error) = connection(stream, acceptor, host.clone()).await {
                tracing::debug!(%error, "connection ended");
            }
            host.sessions.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn wait_for(mut terminate: tokio::signal::unix::Signal, mut interrupt: tokio::signal::unix::Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    let internal = |error: std::io::Error| Fault::new(Code::Internal, format!("no signal handler: {error}"));
    let terminate = signal(SignalKind::terminate()).map_err(internal)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(internal)?;
    Ok(wait_for(terminate, interrupt))
}

/// The runtime of one thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Code::Internal, format!("no runtime could be started: {error}")))
}

/// Each flow is a descriptor: take all that the system allows.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(%error, "the limit of open files stays");
    }
}
