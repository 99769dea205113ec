//! The way to the app: where it would listen if the agent weren't there.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::board::Board;
use crate::limits;
use crate::pass::{self, End};
use crate::tap::Tap;

/// Where a port of the app is.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// The pod's address: what listens on the loopback device alone was never reached from outside either.
    pub address: SocketAddr,
}

impl App {
    /// Carries a connection to the app until both directions have ended. One that the app does not take is reset. Gives the client
    /// back where a request begins that an intercept may want.
    pub async fn carry(self, mut client: TcpStream, taps: Vec<Tap>, board: &Board) -> Option<TcpStream> {
        let mut app = match self.connect().await {
            Ok(app) => app,
            Err(error) => {
                tracing::debug!(address = %self.address, %error, "the app takes no connection");
                reset(&client);
                return None;
            }
        };
        match pass::carry(&mut client, &mut app, taps, board, self.address.port()).await {
            Ok(End::Over) => None,
            Ok(End::Request) => Some(client),
            Err(_) => {
                reset(&client);
                reset(&app);
                None
            }
        }
    }

    /// A connection to the app.
    pub async fn connect(self) -> io::Result<TcpStream> {
        let connecting = TcpStream::connect(self.address);
        let stream = timeout(limits::APP_DIAL, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The stream's end will be a reset.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
