//! Asking the peer for flows and names, from any thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use super::pipe::End;
use crate::frame::Kind;
use crate::limits;
use crate::link::LinkWaker;

/// Hands flows to a link. Cheap to clone; refuses everything once the link has ended.
#[derive(Clone, Default)]
pub struct Opener(Arc<Mutex<Arrivals>>);

#[derive(Default)]
struct Arrivals {
    waiting: Vec<Arrival>,
    questions: Vec<Question>,
    link: Option<LinkWaker>,
    round_trip: Option<Duration>,
}

/// A DNS message, and who waits for its answer.
pub(super) type Question = (Bytes, oneshot::Sender<Bytes>);

pub(super) struct Arrival {
    pub kind: Kind,
    pub target: SocketAddr,
    pub near: Near,
}

/// What stands at this end of a flow that the peer is asked for. It is dropped with a reset if the peer refuses.
pub enum Near {
    /// A connection of somebody else's.
    Tcp(TcpStream),
    /// A program in this process.
    Stream(UnixStream),
    /// A flow of another link, or a task of this process. It hears what the peer says.
    Pipe(End),
}

impl Opener {
    /// Asks the peer for a flow. What stands at this end is given back if the link has ended or too many wait.
    ///
    /// # Errors
    /// Gives back `near`.
    pub fn open(&self, kind: Kind, target: SocketAddr, near: Near) -> Result<(), Near> {
        let link = {
            let mut arrivals = self.0.lock();
            match &arrivals.link {
                Some(link) if arrivals.waiting.len() < limits::ARRIVALS => {
                    let link = link.clone();
                    arrivals.waiting.push(Arrival { kind, target, near });
                    link
                }
                _ => return Err(near),
            }
        };
        link.wake();
        Ok(())
    }

    /// Asks the peer for the answer to a DNS message. `None` if there is no link, or no answer.
    pub async fn ask(&self, message: Bytes) -> Option<Bytes> {
        let (answered, answer) = oneshot::channel();
        let link = {
            let mut arrivals = self.0.lock();
            let link = arrivals.link.clone()?;
            if arrivals.questions.len() >= limits::QUERIES {
                return None;
            }
            arrivals.questions.push((message, answered));
            link
        };
        link.wake();
        answer.await.ok().filter(|answer| !answer.is_empty())
    }

    /// Whether there is a link to open flows on.
    pub fn is_open(&self) -> bool {
        self.0.lock().link.is_some()
    }

    /// There and back, by the link's last heartbeat; none before the first, or if the link has ended.
    pub fn round_trip(&self) -> Option<Duration> {
        self.0.lock().round_trip
    }

    pub(super) fn measured(&self, round_trip: Option<Duration>) {
        self.0.lock().round_trip = round_trip;
    }

    pub(super) fn drive(&self, link: LinkWaker) {
        self.0.lock().link = Some(link);
    }

    pub(super) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.0.lock().waiting)
    }

    pub(super) fn take_questions(&self) -> Vec<Question> {
        std::mem::take(&mut self.0.lock().questions)
    }

    /// Nothing is taken any more; what waits is dropped.
    pub(super) fn close(&self) {
        let dropped = std::mem::take(&mut *self.0.lock());
        drop(dropped);
    }
}
