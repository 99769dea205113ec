//! Listening, and one thread a processor on which links live.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hawser_fault::{Code, Fault};
use hawser_tunnel::agents;
use hawser_tunnel::identity::Identity;
use hawser_tunnel::limits::{DRAIN, FAREWELL};
use hawser_tunnel::server::{self, Acceptor};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::cluster::Cluster;
use crate::exchange::{AgentHost, Exchange, Review};
use crate::laptops::Laptops;
use crate::limits;

/// Where agents come in.
pub struct AgentDoor {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// TLS with a certificate that agents can check.
    pub acceptor: Acceptor,
    /// How an agent proves itself.
    pub review: Review,
}

/// Serves until SIGTERM or SIGINT, then lets flows end for a moment.
pub async fn serve(
    listen: SocketAddr,
    identity: &Identity,
    cluster: Arc<dyn Cluster>,
    exchange: Arc<Exchange>,
    agent_door: Option<AgentDoor>,
) -> Result<(), Fault> {
    raise_file_limit();
    let admits = cluster.clone();
    let acceptor = server::acceptor(identity, Arc::new(move |pin| admits.admits(pin)))
        .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
    let (stop, stopping) = watch::channel(false);
    let laptops = Laptops { cluster: cluster.clone(), exchange: exchange.clone(), stopping: stopping.clone() };
    let agents = match agent_door {
        Some(AgentDoor { listen, acceptor, review }) => {
            let host = Arc::new(AgentHost { exchange, review, stopping });
            Some((bind(listen).await?, Agents { host, acceptor }))
        }
        None => None,
    };
    let (agent_listener, agents) = agents.unzip();
    let house = Arc::new(House { laptops: Arc::new(laptops), acceptor, agents, connections: Default::default() });
    let workers = workers(&house)?;
    let listener = bind(listen).await?;
    let address = listener.local_addr().unwrap_or(listen);
    tracing::info!(%address, pin = %identity.pin(), "listening");
    let ended = stop_signal()?;
    tokio::select! {
        () = accept(&listener, &workers, Guest::Laptop) => {}
        () = accept_agents(agent_listener.as_ref(), &workers) => {}
        () = ended => {}
    }
    drop((listener, agent_listener));
    tracing::info!(connections = house.count(), "stopping");
    stop.send_replace(true);
    let deadline = tokio::time::Instant::now() + DRAIN + FAREWELL;
    let _ = tokio::time::timeout(FAREWELL, cluster.leave()).await;
    while house.count() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(())
}

/// What all connections of this manager share.
struct House {
    laptops: Arc<Laptops>,
    acceptor: Acceptor,
    agents: Option<Agents>,
    /// Of laptops, and of agents.
    connections: [AtomicUsize; 2],
}

impl House {
    fn count(&self) -> usize {
        self.connections.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

struct Agents {
    host: Arc<AgentHost>,
    acceptor: Acceptor,
}

/// Who comes in at a door.
#[derive(Clone, Copy)]
enum Guest {
    Laptop,
    Agent,
}

type Arrival = (std::net::TcpStream, Guest);

async fn bind(listen: SocketAddr) -> Result<TcpListener, Fault> {
    let failed = |error| Fault::new(Code::ListenFailed, format!("{listen}: {error}"));
    TcpListener::bind(listen).await.map_err(failed)
}

async fn accept_agents(listener: Option<&TcpListener>, workers: &[mpsc::Sender<Arrival>]) {
    match listener {
        Some(listener) => accept(listener, workers, Guest::Agent).await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: &TcpListener, workers: &[mpsc::Sender<Arrival>], guest: Guest) {
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
            let _ = workers[turn % workers.len()].try_send((stream, guest));
        }
    }
}

fn workers(house: &Arc<House>) -> Result<Vec<mpsc::Sender<Arrival>>, Fault> {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (0..count)
        .map(|number| {
            let (sender, arrivals) = mpsc::channel(limits::LAPTOPS);
            let house = house.clone();
            let runtime = runtime()?;
            std::thread::Builder::new()
                .name(format!("links-{number}"))
                .spawn(move || runtime.block_on(work(arrivals, house)))
                .map_err(|error| Fault::new(Code::Internal, format!("no thread could be started: {error}")))?;
            Ok(sender)
        })
        .collect()
}

async fn work(mut arrivals: mpsc::Receiver<Arrival>, house: Arc<House>) {
    while let Some((stream, guest)) = arrivals.recv().await {
        let Ok(stream) = TcpStream::from_std(stream) else { continue };
        let house = house.clone();
        let limit = if matches!(guest, Guest::Laptop) { limits::LAPTOPS } else { limits::AGENTS };
        if house.connections[guest as usize].fetch_add(1, Ordering::Relaxed) >= limit {
            house.connections[guest as usize].fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(limit, "too many connections");
            continue;
        }
        tokio::spawn(async move {
            let ended = match (guest, &house.agents) {
                (Guest::Agent, Some(Agents { host, acceptor })) => {
                    agents::connection(stream, acceptor.clone(), host.clone()).await
                }
                _ => server::connection(stream, house.acceptor.clone(), house.laptops.clone()).await,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
            house.connections[guest as usize].fetch_sub(1, Ordering::Relaxed);
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
