//! Asking the peer for flows, from any thread.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::{TcpStream, UnixStream};

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
    link: Option<LinkWaker>,
}

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

    /// Whether there is a link to open flows on.
    pub fn is_open(&self) -> bool {
        self.0.lock().link.is_some()
    }

    pub(super) fn drive(&self, link: LinkWaker) {
        self.0.lock().link = Some(link);
    }

    pub(super) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.0.lock().waiting)
    }

    /// Nothing is taken any more; what waits is dropped.
    pub(super) fn close(&self) {
        let dropped = {
            let mut arrivals = self.0.lock();
            arrivals.link = None;
            std::mem::take(&mut arrivals.waiting)
        };
        drop(dropped);
    }
}
