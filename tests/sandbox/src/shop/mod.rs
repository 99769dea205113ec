//! The services of the cluster: small, but real, each on its own addresses.

mod bulk;
mod echo;
mod names;
mod web;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::plan;

/// Connections that may wait to be accepted. A storm of 10,000 must find room.
const BACKLOG: i32 = 16_384;

/// Opens every service in the namespace that the calling process is in, writes a byte to `opened`, and serves until
/// the process is killed. Returns only what went wrong.
pub fn run(opened: OwnedFd) -> io::Error {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return error,
    };
    runtime.block_on(async {
        if let Err(error) = open_all().await {
            return error;
        }
        if let Err(error) = nix::unistd::write(&opened, &[1]) {
            return error.into();
        }
        drop(opened);
        std::future::pending().await
    })
}

async fn open_all() -> io::Result<()> {
    let mut echo_sockets = Vec::new();
    for service in plan::SHOP.iter().filter(|service| service.alive) {
        for address in service.addresses() {
            match service.name {
                "echo" => {
                    serve(address, plan::ECHO_PORT, echo::stream)?;
                    serve(address, plan::RESET_PORT, echo::reset)?;
                    echo_sockets.push(UdpSocket::bind((address, plan::ECHO_PORT)).await?);
                }
                "bulk" => {
                    serve(address, plan::DISCARD_PORT, bulk::discard)?;
                    serve(address, plan::SOURCE_PORT, bulk::source)?;
                }
                "plain" => serve(address, plan::HTTP_PORT, |stream| web::answer(stream, service, false))?,
                _ => serve(address, plan::HTTP_PORT, |stream| web::answer(stream, service, true))?,
            }
        }
    }
    for socket in echo_sockets {
        tokio::spawn(echo::datagrams(socket));
    }
    names::serve(plan::NAME_SERVER.into(), names::Zone::cluster()).await?;
    names::serve(plan::GATEWAY_V4.into(), names::Zone::intranet()).await
}

/// Listens and gives each connection to a task of its own. A connection's error is its own affair.
fn serve<F>(address: IpAddr, port: u16, handler: impl Fn(TcpStream) -> F + 'static + Send) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = listen((address, port).into())?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(handler(stream));
                }
                // Out of descriptors: some are given back soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
