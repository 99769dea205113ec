//! A live link: frames pulled from an endpoint into the outgoing HTTP/2 body, bytes of the incoming body handed out.
//!
//! hyper polls the outgoing body only when HTTP/2 has room, so the body is the pacing point: the endpoint decides at the last
//! moment what goes next.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use parking_lot::Mutex;

use crate::error::LinkError;
use crate::limits;
use crate::pace::Pace;

/// The path of the RPC whose messages are batches of frames.
pub(crate) const LINK_PATH: &str = "/hawser.tunnel.v1.Tunnel/Link";
/// The header in which the client repeats the version that the first exchange settled.
pub(crate) const PROTOCOL_HEADER: &str = "hawser-protocol";
/// The header in which the client says how many microseconds a small batch may wait for others; without it none waits.
pub(crate) const PACE_HEADER: &str = "hawser-pace";
/// The header in which the client says what the link is for: [`DELIVERIES`], or the flows of its own network without it.
pub(crate) const LINK_HEADER: &str = "hawser-link";
/// On such a link the manager asks for flows and the client serves them.
pub(crate) const DELIVERIES: &str = "deliveries";
const GRPC_HEADER: usize = 5;

/// What a link carries: a multiplexer with everything behind it.
pub trait Endpoint: Send + Unpin + 'static {
    /// Fills `out` up to about `size` bytes with frames. Leaves it as it is if there is nothing to send.
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant);
}

/// An endpoint that its owner and the outgoing body share.
pub type Shared<E> = Arc<Mutex<E>>;

impl<E: Endpoint> Endpoint for Shared<E> {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        self.lock().transmit(out, size, now);
    }
}

/// The owner's side of a link.
pub struct Link {
    incoming: Incoming,
    wake: LinkWaker,
}

impl Link {
    pub(crate) fn new(incoming: Incoming, wake: LinkWaker) -> Self {
        Self { incoming, wake }
    }

    /// The next bytes from the peer.
    ///
    /// # Errors
    /// [`LinkError::Lost`] when the connection is gone, in good order or not.
    pub async fn receive(&mut self) -> Result<Bytes, LinkError> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// The same for who waits for several links.
    ///
    /// # Errors
    /// As [`Link::receive`].
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, LinkError>> {
        loop {
            match ready!(Pin::new(&mut self.incoming).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Ok(bytes));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(LinkError::Lost(sentence(&error)))),
                None => return Poll::Ready(Err(LinkError::Lost("the other side closed it".to_owned()))),
            }
        }
    }

    /// Says that the endpoint may have something to send.
    pub fn wake(&self) {
        self.wake.wake();
    }

    /// The same, for those who do not own the link.
    pub fn waker(&self) -> LinkWaker {
        self.wake.clone()
    }
}

/// What the endpoint still has to send goes out, then the peer sees the end.
impl Drop for Link {
    fn drop(&mut self) {
        self.wake.0.lock().over = true;
        self.wake.wake();
    }
}

/// An error with its causes in one sentence.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Wakes the outgoing body that waits for something to send.
#[derive(Clone, Default)]
pub struct LinkWaker(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    body: Option<Waker>,
    /// Somebody woke since the endpoint was last looked at: on another thread that may be while it is.
    woken: bool,
    /// The owner's side is gone.
    over: bool,
}

impl LinkWaker {
    /// Says that the endpoint may have something to send.
    pub fn wake(&self) {
        let waker = {
            let mut waiting = self.0.lock();
            waiting.woken = true;
            waiting.body.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The body that hyper pulls: each frame of it is one gRPC message with a batch of ours.
pub(crate) struct Outgoing<E> {
    endpoint: E,
    wake: LinkWaker,
    pace: Option<Pace>,
}

impl<E> Outgoing<E> {
    pub fn new(endpoint: E, pace: Option<Pace>) -> (Self, LinkWaker) {
        let wake = LinkWaker::default();
        (Self { endpoint, wake: wake.clone(), pace }, wake)
    }
}

impl<E: Endpoint> Body for Outgoing<E> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let now = Instant::now();
        let mut batch = self.pace.as_mut().map(Pace::take).unwrap_or_default();
        let held = batch.len();
        if held == 0 {
            batch = BytesMut::with_capacity(limits::BATCH);
            batch.put_bytes(0, GRPC_HEADER);
        }
        self.wake.0.lock().woken = false;
        self.endpoint.transmit(&mut batch, limits::BATCH, now);
        let length = batch.len() - GRPC_HEADER;
        let released = match &mut self.pace {
            _ if length == 0 => Poll::Pending,
            Some(pace) => pace.poll_release(batch, held, now, context),
            None => Poll::Ready(batch),
        };
        let Poll::Ready(mut batch) = released else {
            let mut waiting = self.wake.0.lock();
            if waiting.over && length == 0 {
                return Poll::Ready(None);
            }
            if waiting.woken {
                context.waker().wake_by_ref();
            }
            waiting.body = Some(context.waker().clone());
            return Poll::Pending;
        };
        batch[1..GRPC_HEADER].copy_from_slice(&(length as u32).to_be_bytes());
        Poll::Ready(Some(Ok(Frame::data(batch.freeze()))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    /// Has nothing to send, and is woken by another thread while it says so.
    #[derive(Default)]
    struct Woken(Option<LinkWaker>);

    impl Endpoint for Woken {
        fn transmit(&mut self, _: &mut BytesMut, _: usize, _: Instant) {
            if let Some(link) = self.0.take() {
                link.wake();
            }
        }
    }

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn no_wake_is_lost_while_the_endpoint_is_looked_at() {
        let count = Arc::new(Count::default());
        let waker = count.clone().into();
        let mut context = Context::from_waker(&waker);
        let (mut outgoing, link) = Outgoing::new(Woken::default(), None);
        outgoing.endpoint.0 = Some(link.clone());
        assert!(Pin::new(&mut outgoing).poll_frame(&mut context).is_pending());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(Pin::new(&mut outgoing).poll_frame(&mut context).is_pending());
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "once is enough");
        link.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }
}
