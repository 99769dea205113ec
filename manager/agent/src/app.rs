//! The way to the app: where it would listen if the agent weren't there.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::limits;
use crate::tap::Tap;

/// Where a port of the app is.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// The pod's address: what listens on the loopback device alone was never reached from outside either.
    pub address: SocketAddr,
}

/// What one direction reads before it writes.
const BUFFER: usize = 32 * 1024;

impl App {
    /// Carries a connection to the app until both directions have ended. One that the app does not take is reset.
    pub async fn carry(self, mut client: TcpStream, taps: Vec<Tap>) {
        let mut app = match self.connect().await {
            Ok(app) => app,
            Err(error) => {
                tracing::debug!(address = %self.address, %error, "the app takes no connection");
                return reset(&client);
            }
        };
        let carried = if taps.is_empty() {
            copy_bidirectional_with_sizes(&mut client, &mut app, BUFFER, BUFFER).await.map(drop)
        } else {
            carry_tapped(&mut client, &mut app, taps).await
        };
        if carried.is_err() {
            reset(&client);
            reset(&app);
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

async fn carry_tapped(client: &mut TcpStream, app: &mut TcpStream, mut taps: Vec<Tap>) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_app, mut to_app) = app.split();
    let requests = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = from_client.read(&mut buffer).await?;
            if length == 0 {
                taps.clear();
                return to_app.shutdown().await;
            }
            taps.iter_mut().for_each(|tap| tap.offer(&buffer[..length]));
            to_app.write_all(&buffer[..length]).await?;
        }
    };
    let answers = async {
        tokio::io::copy(&mut from_app, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(requests, answers).map(drop)
}

/// The stream's end will be a reset.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
