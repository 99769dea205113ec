//! The process from start to stop.

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::awareness::Awareness;
use crate::cli::Options;
use crate::connections::Connections;
use crate::intercepts::{InCluster, Intercepts};
use crate::kubernetes::Clusters;
use crate::log::Log;
use crate::machine::Machine;
use crate::network::Network;
use crate::resolver::{HostResolver, Places, undo_all};
use crate::service::Service;
use crate::socket::Listening;
use crate::store::Store;
use crate::systemd::{self, NotifyState};
use crate::{access, socket};

/// Undoes what a killed helper left, without serving.
pub fn clean_up(options: &Options) -> Result<(), Fault> {
    let store = Store::open(&options.state_dir)?;
    let places = Places::with(options.resolv_conf.clone());
    let journal = store.journal()?;
    let count = runtime()?.block_on(undo_all(&journal, &places))?;
    tracing::info!(count, "changes of this host undone");
    Ok(())
}

/// Serves until SIGTERM or SIGINT.
///
/// One thread is enough here: it only decides. What moves bytes has its own.
pub fn serve(options: Options, log: Log) -> Result<(), Fault> {
    runtime()?.block_on(serve_until_stopped(options, log))
}

fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Code::Internal, format!("no runtime could be started: {error}")))
}

async fn serve_until_stopped(options: Options, log: Log) -> Result<(), Fault> {
    let stop_signal = stop_signal()?;
    // The order counts: the lock before anything is touched, undo before anything is changed, the socket last.
    let store = Store::open(&options.state_dir)?;
    let journal = store.journal()?;
    let places = Places::with(options.resolv_conf.clone());
    let undone = undo_all(&journal, &places).await?;
    if undone > 0 {
        tracing::info!(undone, "changes of a killed helper undone");
    }
    let Listening { listener, made } = socket::listen(&options.socket)?;

    let desired = Arc::new(Mutex::new(store.desired()));
    let clusters = Arc::new(Clusters::new());
    let objects = InCluster { clusters: Arc::clone(&clusters), keys: store.keys() };
    let resolver = HostResolver::new(options.dns, places, journal);
    let machine = Arc::new(Machine {
        network: Network::open()?,
        awareness: Awareness::start(&resolver),
        resolver,
        keys: store.keys(),
        intercepts: Intercepts::new(objects, Arc::clone(&desired)),
        clusters,
        desired: Arc::clone(&desired),
    });
    desired.lock().wishes().iter().for_each(|wish| log.recent.tells_of(wish.id.owner));
    let connections = Connections::new(Arc::clone(&machine), desired);
    machine.intercepts.restore();
    connections.restore();
    let finishing = Arc::clone(&machine);
    tokio::spawn(async move { finishing.finish_leaving().await });

    let service = Service::new(Arc::clone(&connections), machine, options.state_dir.clone(), log);
    let allowed = |peer: &hawser_ipc::Peer| access::check(peer, &options.group);
    let (ended, end) = oneshot::channel::<()>();
    let serving = hawser_ipc::serve(listener, service, allowed, async {
        let _ = end.await;
    });
    let stopping = async {
        stop_signal.await;
        tracing::info!("stopping");
        systemd::tell(NotifyState::Stopping);
        // While it still serves, so that who watches sees the connections end.
        connections.close().await;
        drop(ended);
    };
    tracing::info!(socket = %options.socket.display(), "ready");
    systemd::tell(NotifyState::Ready);
    let watchdog = tokio::spawn(systemd::feed_watchdog(Arc::clone(&connections)));
    let status = tokio::spawn(systemd::tell_status(Arc::clone(&connections)));
    tokio::join!(serving, stopping);
    watchdog.abort();
    status.abort();
    // The next one would replace it; without it a client need not try to know that nobody is here.
    if made {
        let _ = std::fs::remove_file(&options.socket);
    }
    Ok(())
}

/// Ready at the first SIGTERM or SIGINT from now on.
fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    let listen =
        |kind| signal(kind).map_err(|error| Fault::new(Code::Internal, format!("signals cannot be received: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
