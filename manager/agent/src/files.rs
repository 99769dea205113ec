//! The volumes of the app's containers, for laptops: an sftp server (draft-ietf-secsh-filexfer-02) on each flow that asks for one.
//!
//! A server has a thread of its own, because the disks behind volumes block, and sees one container's folder and nothing else.

mod attributes;
mod handles;
mod root;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use hawser_tunnel::agent::VOLUMES;
use hawser_tunnel::frame::Reason;
use tokio::sync::Semaphore;

use crate::limits;
use root::Root;

/// The containers' files.
pub struct Files {
    /// A folder for each container, by its number.
    folder: PathBuf,
    servers: Arc<Semaphore>,
}

impl Default for Files {
    fn default() -> Self {
        Self { folder: VOLUMES.into(), servers: Arc::new(Semaphore::new(limits::FILE_SERVERS)) }
    }
}

impl Files {
    /// Starts a server of this container's files; what is returned is the client's end.
    ///
    /// # Errors
    /// The reason that the client is told: `Unreachable` if the container has no volumes.
    pub fn serve(&self, container: u16) -> Result<tokio::net::UnixStream, Reason> {
        let place = Arc::clone(&self.servers).try_acquire_owned().map_err(|_| Reason::Limit)?;
        let root = Root::open(&self.folder.join(container.to_string())).map_err(|_| Reason::Unreachable)?;
        let (near, far) = pair().map_err(|_| Reason::Limit)?;
        let serving = move || {
            let _place = place;
            server::serve(root, far);
        };
        std::thread::Builder::new().name("files".to_owned()).spawn(serving).map_err(|_| Reason::Limit)?;
        Ok(near)
    }
}

/// One end for the link, and one for a thread that may wait.
fn pair() -> io::Result<(tokio::net::UnixStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    Ok((tokio::net::UnixStream::from_std(near)?, far))
}
