//! A TCP port of the app.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hawser_tunnel::agent::Port;
use hawser_tunnel::frame::Kind;
use hawser_tunnel::sockets::Near;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::board::Board;
use crate::tap::Tap;
use crate::{http, limits, proof};

/// Begins to listen in the app's place, over IPv4 and IPv6.
pub fn listen(port: &Port, app: App, board: Arc<Board>) -> io::Result<Passing> {
    let listener = listener(port.listen)?;
    let passing = Passing(Arc::new(Semaphore::new(limits::PASSING)));
    tokio::spawn(accept(listener, app, board, passing.0.clone()));
    Ok(passing)
}

/// The connections of a port that go to the app, or may.
pub struct Passing(Arc<Semaphore>);

impl Passing {
    /// Whether there are any.
    pub fn is_busy(&self) -> bool {
        self.0.available_permits() < limits::PASSING
    }
}

async fn accept(listener: TcpListener, app: App, board: Arc<Board>, passing: Arc<Semaphore>) {
    loop {
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                // Out of descriptors, most likely: others will end.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = client.set_nodelay(true);
        if board.proofs.expects(app.address.port(), false) {
            let (board, passing) = (board.clone(), passing.clone());
            tokio::spawn(async move {
                if let Some(client) = proof::sift(client, app.address.port(), &board).await {
                    pass_on(client, app, &board, &passing).await;
                }
            });
            continue;
        }
        pass_on(client, app, &board, &passing).await;
    }
}

/// Leads the connection to where it belongs now.
async fn pass_on(client: TcpStream, app: App, board: &Arc<Board>, passing: &Arc<Semaphore>) {
    let Some(client) = to_laptop(client, app, board) else { return };
    let Ok(permit) = passing.clone().acquire_owned().await else { return };
    let taps = board.stream_copies(app.address.port()).iter().map(Tap::new).collect();
    let board = board.clone();
    tokio::spawn(async move {
        let client =
            if board.has_filters(app.address.port()) { Some(client) } else { app.carry(client, taps, &board).await };
        if let Some(client) = client {
            http::serve(client, app, board).await;
        }
        drop(permit);
    });
}

/// Gives the connection back if it is the app's.
fn to_laptop(client: TcpStream, app: App, board: &Board) -> Option<TcpStream> {
    let Some(way) = board.way(app.address.port(), false) else { return Some(client) };
    match way.opener.open(Kind::Tcp, way.target, Near::Tcp(client)) {
        Err(Near::Tcp(client)) => Some(client),
        _ => None,
    }
}

fn listener(port: u16) -> io::Result<TcpListener> {
    let socket = bind(Type::STREAM, port)?;
    socket.listen(4_096)?;
    TcpListener::from_std(socket.into())
}

/// A socket on all addresses of both families that never blocks.
pub fn bind(kind: Type, port: u16) -> io::Result<Socket> {
    let (socket, any) = match Socket::new(Domain::IPV6, kind, None) {
        Ok(socket) => {
            socket.set_only_v6(false)?;
            (socket, IpAddr::from(Ipv6Addr::UNSPECIFIED))
        }
        // A kernel without IPv6.
        Err(_) => (Socket::new(Domain::IPV4, kind, None)?, Ipv4Addr::UNSPECIFIED.into()),
    };
    socket.bind(&SocketAddr::from((any, port)).into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
