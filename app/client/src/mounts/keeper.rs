//! One mount, for as long as it is wanted: with each pod anew.

use std::io;
use std::path::PathBuf;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{FilesReply, FilesRequest, Mount, MountReport};
use hawser_ipc::{from_status, socket_path};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::packets::{Asked, Packets};
use super::sshfs::{self, LinksUp};
use super::{Place, limits, point, unreadable};
use crate::platform;

/// Mounts, and mounts again, until it is told to stop. Nothing stands afterwards. It begins when the one `before` it has ended.
pub(super) async fn keep(
    place: Place,
    mount: Mount,
    reports: mpsc::Sender<MountReport>,
    mut stopped: oneshot::Receiver<()>,
    before: Option<JoinHandle<()>>,
) {
    if let Some(before) = before {
        let _ = before.await;
    }
    let mut keeper = Keeper {
        place,
        point: mount.path.into(),
        read_only: mount.read_only,
        links: LinksUp::Told,
        reports,
        last: None,
    };
    let (mut wait, longest) = limits::RETRY;
    loop {
        let Some(outcome) = keeper.once(&mut stopped).await else { break };
        match outcome {
            Outcome::Lost(cause) => {
                wait = limits::RETRY.0;
                keeper.report(false, Some(cause), Vec::new()).await;
            }
            Outcome::Failed(_) if keeper.links == LinksUp::Told => keeper.links = LinksUp::Untold,
            Outcome::Failed(cause) => {
                keeper.links = LinksUp::Told;
                keeper.report(false, Some(cause), Vec::new()).await;
            }
            Outcome::Absent(cause) => keeper.report(false, Some(cause), Vec::new()).await,
        }
        tokio::select! {
            () = sleep(wait) => wait = (wait * 2).min(longest),
            _ = &mut stopped => break,
        }
    }
    point::remove(&keeper.point);
}

struct Keeper {
    place: Place,
    point: PathBuf,
    read_only: bool,
    links: LinksUp,
    reports: mpsc::Sender<MountReport>,
    last: Option<MountReport>,
}

/// What came of one mount.
enum Outcome {
    /// There are no files now.
    Absent(Fault),
    /// sshfs did not mount them.
    Failed(Fault),
    /// They were there.
    Lost(Fault),
}

impl Keeper {
    /// One mount from beginning to end; `None` if it was told to stop.
    async fn once(&mut self, stopped: &mut oneshot::Receiver<()>) -> Option<Outcome> {
        let (requests, replies) = tokio::select! {
            asked = self.ask() => match asked {
                Ok(asked) => asked,
                Err(cause) => return Some(Outcome::Absent(cause)),
            },
            _ = &mut *stopped => return None,
        };
        let made = point::make(&self.point);
        point::set_open(&self.point, true);
        let started = made.and_then(|()| sshfs::start(&self.point, self.read_only, self.links));
        let mut child = match started {
            Ok(child) => child,
            Err(cause) => return Some(Outcome::Absent(cause)),
        };
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return None };
        let mut stood = false;
        let end = tokio::select! {
            end = carry(requests, replies, input, output) => Some(end),
            () = self.stand(&mut stood) => Some(failed("it does not stand in time")),
            _ = child.wait() => Some(failed("sshfs ended")),
            _ = stopped => None,
        };
        if end.is_none() {
            // So that whoever uses it is told at once.
            platform::unmount(&self.point).await;
        }
        let words = sshfs::end(child, &self.point).await;
        point::set_open(&self.point, false);
        let end = end?;
        if stood {
            return Some(Outcome::Lost(end));
        }
        Some(match end.code {
            Code::MountFailed if !words.is_empty() => Outcome::Failed(failed(&words)),
            Code::MountFailed => Outcome::Failed(end),
            // Whatever sshfs says of it: it was not sshfs that failed.
            _ => Outcome::Absent(end),
        })
    }

    /// Asks the helper for the files.
    async fn ask(&self) -> Result<(mpsc::Sender<FilesRequest>, Streaming<FilesReply>), Fault> {
        let mut helper = hawser_ipc::connect(&socket_path()).await?;
        let (requests, waiting) = mpsc::channel(limits::MESSAGES);
        let (connection, name) = self.place.clone();
        let first = FilesRequest { connection, name, data: Vec::new() };
        let _ = requests.send(first).await;
        let replies = helper.files(ReceiverStream::new(waiting)).await.map_err(|status| from_status(&status))?;
        Ok((requests, replies.into_inner()))
    }

    /// Tells of the mount as soon as it stands, then waits for ever; ends if it doesn't in time.
    async fn stand(&mut self, stood: &mut bool) {
        let standing = async {
            while !sshfs::is_standing(&self.point) {
                sleep(limits::LOOK_AGAIN).await;
            }
        };
        if timeout(limits::MOUNT_TIME, standing).await.is_ok() {
            *stood = true;
            let point = self.point.clone();
            let looking = tokio::task::spawn_blocking(move || unreadable::below(&point));
            let looked = timeout(limits::LOOK_ANSWER, looking).await;
            self.report(true, None, looked.ok().and_then(Result::ok).unwrap_or_default()).await;
            std::future::pending().await
        }
    }

    async fn report(&mut self, mounted: bool, cause: Option<Fault>, unreadable: Vec<String>) {
        let (connection, name) = self.place.clone();
        let report = MountReport { connection, name, mounted, cause: cause.map(Into::into), unreadable };
        if self.last.as_ref() != Some(&report) {
            self.last = Some(report.clone());
            // Without a helper there is nobody to tell.
            let _ = self.reports.send(report).await;
        }
    }
}

/// Carries packets both ways until either side ends, and says why.
async fn carry(
    requests: mpsc::Sender<FilesRequest>,
    replies: Streaming<FilesReply>,
    input: ChildStdin,
    output: ChildStdout,
) -> Fault {
    let asked = Asked::default();
    tokio::select! {
        end = outwards(output, requests, &asked) => end,
        end = inwards(replies, input, &asked) => end,
    }
}

/// From sshfs.
async fn outwards(mut output: ChildStdout, requests: mpsc::Sender<FilesRequest>, asked: &Asked) -> Fault {
    let mut packets = Packets::default();
    loop {
        let mut data = Vec::with_capacity(limits::CHUNK);
        match output.read_buf(&mut data).await {
            // Its end is seen where it is waited for.
            Ok(0) | Err(_) => return std::future::pending().await,
            Ok(_) => {}
        }
        if let Err(error) = packets.take(&data, |packet| asked.request(packet)) {
            return no_sftp(&error);
        }
        let request = FilesRequest { data, ..FilesRequest::default() };
        if requests.send(request).await.is_err() {
            // Whoever reads from the helper says why.
            return std::future::pending().await;
        }
    }
}

/// To sshfs.
async fn inwards(mut replies: Streaming<FilesReply>, mut input: ChildStdin, asked: &Asked) -> Fault {
    let mut packets = Packets::default();
    loop {
        let data = match replies.message().await {
            Ok(Some(reply)) => reply.data,
            Ok(None) => return Fault::new(Code::HelperUnreachable, "the helper has ended"),
            Err(status) => return from_status(&status),
        };
        let mut out = Vec::with_capacity(data.len());
        if let Err(error) = packets.take(&data, |packet| asked.answer(packet, &mut out)) {
            return no_sftp(&error);
        }
        if input.write_all(&out).await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn no_sftp(error: &io::Error) -> Fault {
    failed(&format!("what was said is no sftp: {error}"))
}

fn failed(why: &str) -> Fault {
    Fault::new(Code::MountFailed, why)
}
