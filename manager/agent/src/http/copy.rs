//! A request's body, and copies of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::upstream::Asked;
use crate::limits;
use crate::tap::Piece;

/// Passes a body on, and what it can of it to the copies. A copy that is too slow ends in the middle.
pub struct Copied {
    body: Incoming,
    copies: Vec<mpsc::Sender<Piece>>,
}

/// The body with `count` copies.
pub fn copied(body: Incoming, count: usize) -> (Asked, Vec<Asked>) {
    let (copies, bodies) =
        (0..count).map(|_| mpsc::channel::<Piece>(limits::COPIED_CHUNKS)).unzip::<_, _, Vec<_>, Vec<_>>();
    let bodies = bodies.into_iter().map(|chunks| {
        let frames = ReceiverStream::new(chunks).map(|piece| Ok(Frame::data(piece.bytes)));
        StreamBody::new(frames).boxed_unsync()
    });
    (Copied { body, copies }.boxed_unsync(), bodies.collect())
}

impl Body for Copied {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    self.copies
                        .retain(|copy| Piece::new(bytes.clone()).is_some_and(|piece| copy.try_send(piece).is_ok()));
                }
            }
            Poll::Ready(_) => self.copies.clear(),
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
