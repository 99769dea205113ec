//! Who is on the other end of the socket, as the kernel saw it at connect.

use std::io;

use hawser_fault::{Code, Fault};
use tokio::net::UnixStream;
use tonic::{Request, Status};

use crate::to_status;

/// The caller's credentials (`SO_PEERCRED`, unix(7)): those of the process that connected, at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id; supplementary groups are not among the credentials.
    pub gid: u32,
    /// Process id, if it is visible from the helper's pid namespace. For display only: it may be reused.
    pub pid: Option<i32>,
}

impl Peer {
    pub(crate) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self { uid: credentials.uid(), gid: credentials.gid(), pid: credentials.pid().filter(|pid| *pid != 0) })
    }
}

/// The caller of a request that came through [`serve`](crate::serve).
pub fn peer_of<T>(request: &Request<T>) -> Result<Peer, Status> {
    let unknown = || to_status(&Fault::new(Code::Internal, "a call arrived without its caller's credentials"));
    request.extensions().get::<Peer>().copied().ok_or_else(unknown)
}
