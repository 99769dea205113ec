//! Copies of what clients send: a laptop gets them, and nobody waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hawser_tunnel::frame::Kind;
use hawser_tunnel::sockets::Near;
use tokio::io::{AsyncWriteExt as _, copy, sink};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use crate::board::Way;
use crate::limits;

/// Streams whose copy was given up because the laptop was too slow.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);

/// What all copies may hold. The pod's memory is not theirs.
static ROOM: Semaphore = Semaphore::const_new(limits::COPIED_BYTES);

/// A piece of a copy that waits for the laptop.
pub struct Piece {
    /// What was sent.
    pub bytes: Bytes,
    _room: SemaphorePermit<'static>,
}

impl Piece {
    /// None if there is no room for it.
    pub fn new(bytes: Bytes) -> Option<Self> {
        let room = ROOM.try_acquire_many(u32::try_from(bytes.len()).ok()?).ok()?;
        Some(Self { bytes, _room: room })
    }
}

/// The copy of one stream.
pub struct Tap(Option<mpsc::Sender<Piece>>);

impl Tap {
    /// Begins a copy that goes this way; what the laptop answers is read and forgotten.
    pub fn new(way: &Way) -> Self {
        let Ok((near, far)) = UnixStream::pair() else { return Self(None) };
        if way.opener.open(Kind::Tcp, way.target, Near::Stream(far)).is_err() {
            return Self(None);
        }
        let (sender, mut chunks) = mpsc::channel::<Piece>(limits::COPIED_CHUNKS);
        tokio::spawn(async move {
            let (mut answers, mut stream) = near.into_split();
            let forgetting = tokio::spawn(async move { copy(&mut answers, &mut sink()).await });
            while let Some(piece) = chunks.recv().await {
                if stream.write_all(&piece.bytes).await.is_err() {
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
        let piece = Piece::new(Bytes::copy_from_slice(bytes));
        if piece.is_none_or(|piece| sender.try_send(piece).is_err()) {
            self.0 = None;
            let given_up = GIVEN_UP.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::info!(given_up, "a copy is given up: the laptop is too slow for it");
        }
    }
}
