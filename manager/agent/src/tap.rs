//! Copies of what clients send: a laptop gets them, and nobody waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hawser_tunnel::frame::Kind;
use hawser_tunnel::sockets::Near;
use tokio::io::{AsyncWriteExt as _, copy, sink};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::board::Way;
use crate::limits;

/// Streams whose copy was given up because the laptop was too slow.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);

/// The copy of one stream.
pub struct Tap(Option<mpsc::Sender<Bytes>>);

impl Tap {
    /// Begins a copy that goes this way; what the laptop answers is read and forgotten.
    pub fn new(way: &Way) -> Self {
        let Ok((near, far)) = UnixStream::pair() else { return Self(None) };
        if way.opener.open(Kind::Tcp, way.target, Near::Stream(far)).is_err() {
            return Self(None);
        }
        let (sender, mut chunks) = mpsc::channel::<Bytes>(limits::COPIED_CHUNKS);
        tokio::spawn(async move {
            let (mut answers, mut stream) = near.into_split();
            let forgetting = tokio::spawn(async move { copy(&mut answers, &mut sink()).await });
            while let Some(chunk) = chunks.recv().await {
                if stream.write_all(&chunk).await.is_err() {
                    return forgetting.abort();
                }
            }
            let _ = stream.shutdown().await;
        });
        Self(Some(sender))
    }

    /// Takes a copy of these bytes, or gives the whole copy up: a stream with a hole is worth nothing.
    pub fn offer(&mut self, bytes: &[u8]) {
        let Some(sender) = &self.0 else { return };
        if sender.try_send(Bytes::copy_from_slice(bytes)).is_err() {
            self.0 = None;
            let given_up = GIVEN_UP.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::info!(given_up, "a copy is given up: the laptop is too slow for it");
        }
    }
}
