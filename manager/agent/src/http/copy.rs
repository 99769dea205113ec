//! A request's body, and copies of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::upstream::Asked;
use crate::board::{Board, Way};
use crate::limits;
use crate::tap::Piece;

/// Passes a body on, and what it can of it to the copies. A copy that is too slow ends in the middle.
pub struct Copied {
    body: Incoming,
    copies: Vec<Copy>,
    board: Arc<Board>,
}

/// What takes a copy's chunks, and the uid of the intercept that it is for.
struct Copy {
    chunks: mpsc::Sender<Piece>,
    intercept: String,
}

/// The body with a copy for each of these ways.
pub fn copied(body: Incoming, ways: &[Way], board: &Arc<Board>) -> (Asked, Vec<Asked>) {
    let begin = |way: &Way| {
        let (chunks, taken) = mpsc::channel::<Piece>(limits::COPIED_CHUNKS);
        (Copy { chunks, intercept: way.intercept.clone() }, taken)
    };
    let (copies, bodies): (Vec<_>, Vec<_>) = ways.iter().map(begin).unzip();
    let bodies = bodies.into_iter().map(|chunks| {
        let frames = ReceiverStream::new(chunks).map(|piece| Ok(Frame::data(piece.bytes)));
        StreamBody::new(frames).boxed_unsync()
    });
    (Copied { body, copies, board: board.clone() }.boxed_unsync(), bodies.collect())
}

impl Copy {
    /// Whether the copy goes on. One that nobody takes any more has ended by itself, and was dropped by nobody here.
    fn take(&self, bytes: &Bytes, board: &Board) -> bool {
        if self.chunks.is_closed() {
            return false;
        }
        let taken = Piece::new(bytes.clone()).is_some_and(|piece| self.chunks.try_send(piece).is_ok());
        if !taken {
            board.requests.count_dropped(&self.intercept);
        }
        taken
    }
}

impl Body for Copied {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, copies, board } = &mut *self;
        let polled = Pin::new(body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    copies.retain(|copy| copy.take(bytes, board));
                }
            }
            Poll::Ready(_) => copies.clear(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
