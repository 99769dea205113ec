//! A UDP port of the app: each peer is an association of its own.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_tunnel::agent::Port;
use hawser_tunnel::frame::Kind;
use hawser_tunnel::sockets::{End, Near, pipe};
use socket2::Type;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::board::Board;
use crate::tcp::bind;
use crate::{limits, proof};

/// Largest datagram (RFC 768).
const LARGEST: usize = 65_535;

/// Begins to listen in the app's place.
pub async fn listen(port: &Port, app: App, board: Arc<Board>) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::from_std(bind(Type::DGRAM, port.listen)?.into())?);
    tokio::spawn(receive(socket, app, board));
    Ok(())
}

async fn receive(socket: Arc<UdpSocket>, app: App, board: Arc<Board>) {
    let mut peers: HashMap<SocketAddr, Peer> = HashMap::new();
    let mut buffer = vec![0; LARGEST];
    loop {
        // An error is an earlier answer's, which its peer did not take.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        if length == proof::ASK
            && let Some(proof) = board.proofs.take(app.address.port(), true, &buffer[..length])
        {
            let _ = socket.send_to(&proof::answer(&proof, &board), from).await;
            continue;
        }
        let changes = board.changes();
        if peers.get_mut(&from).is_none_or(|peer| !peer.is_right(changes, app, &board)) {
            peers.retain(|_, peer| !peer.is_idle());
            if peers.len() >= limits::PEERS
                && let Some(oldest) = peers.iter().min_by_key(|(_, peer)| peer.used).map(|(peer, _)| *peer)
            {
                peers.remove(&oldest);
            }
            let Ok(peer) = Peer::new(socket.clone(), from, app, &board).await else { continue };
            peers.insert(from, peer);
        }
        if let Some(peer) = peers.get_mut(&from) {
            peer.used = Instant::now();
            peer.side.send(&buffer[..length]);
        }
    }
}

/// One peer, and where its datagrams go.
struct Peer {
    side: Side,
    answers: JoinHandle<()>,
    used: Instant,
    /// The intercept whose laptop answers, if one does.
    intercept: Option<String>,
    /// When that was last looked up.
    changes: u64,
}

#[derive(Clone)]
enum Side {
    Laptop(Arc<End>),
    App(Arc<UdpSocket>),
}

impl Peer {
    async fn new(socket: Arc<UdpSocket>, from: SocketAddr, app: App, board: &Board) -> io::Result<Self> {
        let changes = board.changes();
        let (side, intercept) = match to_laptop(app, board) {
            Some((end, intercept)) => (Side::Laptop(end), Some(intercept)),
            None => (Side::App(to_app(app).await?), None),
        };
        let answering = side.clone();
        let answers = tokio::spawn(async move {
            while let Ok(Some(datagram)) = timeout(limits::PEER_IDLE, answering.receive()).await {
                let _ = socket.send_to(&datagram, from).await;
            }
        });
        Ok(Self { side, answers, used: Instant::now(), intercept, changes })
    }

    /// Whether its datagrams still go where they belong. Others' intercepts move no peer: the app would take it for a new one.
    fn is_right(&mut self, changes: u64, app: App, board: &Board) -> bool {
        if self.changes != changes {
            self.changes = changes;
            let way = board.way(app.address.port(), true);
            if way.map(|way| way.intercept) != self.intercept {
                return false;
            }
        }
        !self.answers.is_finished()
    }

    fn is_idle(&self) -> bool {
        self.used.elapsed() > limits::PEER_IDLE
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.answers.abort();
    }
}

impl Side {
    /// Sends, or loses the datagram as any wire may.
    fn send(&self, datagram: &[u8]) {
        match self {
            Self::Laptop(end) => drop(end.send(Bytes::copy_from_slice(datagram))),
            Self::App(app) => drop(app.try_send(datagram)),
        }
    }

    /// The next answer; `None` at the end.
    async fn receive(&self) -> Option<Bytes> {
        match self {
            Self::Laptop(end) => poll_fn(|context| end.poll_datagram(context.waker())).await.ok(),
            Self::App(app) => {
                let mut buffer = vec![0; LARGEST];
                loop {
                    // A refusal is an earlier datagram's.
                    if let Ok(length) = app.recv(&mut buffer).await {
                        return Some(Bytes::copy_from_slice(&buffer[..length]));
                    }
                }
            }
        }
    }
}

fn to_laptop(app: App, board: &Board) -> Option<(Arc<End>, String)> {
    let way = board.way(app.address.port(), true)?;
    let (near, far) = pipe();
    way.opener.open(Kind::Udp, way.target, Near::Pipe(far)).ok()?;
    Some((Arc::new(near), way.intercept))
}

async fn to_app(app: App) -> io::Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind(if app.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
    socket.connect(app.address).await?;
    // Else the first datagram is lost: until then tokio does not know that it could be sent.
    socket.writable().await?;
    Ok(Arc::new(socket))
}
