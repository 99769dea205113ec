//! The files of an intercepted container, carried between a program of the user's and the tunnel.

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{FilesReply, FilesRequest};
use hawser_ipc::to_status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::stream::Place;
use crate::limits;

/// Messages that wait for the program; then nothing more is read from the tunnel.
const QUEUE: usize = 2;

/// Carries bytes both ways until either side ends.
pub fn carry(
    files: UnixStream,
    requests: Streaming<FilesRequest>,
    place: Place,
) -> ReceiverStream<Result<FilesReply, Status>> {
    let (sender, replies) = mpsc::channel(QUEUE);
    let (from_files, to_files) = files.into_split();
    tokio::spawn(async move {
        let _place = place;
        tokio::select! {
            () = outwards(from_files, &sender) => {}
            () = inwards(requests, to_files) => {}
            () = sender.closed() => {}
        }
    });
    ReceiverStream::new(replies)
}

/// From the container. The end comes when its agent is gone, at the latest.
async fn outwards(mut files: OwnedReadHalf, sender: &mpsc::Sender<Result<FilesReply, Status>>) {
    let mut end = "no agent hands out the container's files";
    loop {
        let mut data = Vec::with_capacity(limits::FILES_CHUNK);
        match files.read_buf(&mut data).await {
            Ok(0) | Err(_) => {
                let _ = sender.send(Err(to_status(&Fault::new(Code::PodAbsent, end)))).await;
                return;
            }
            Ok(_) if sender.send(Ok(FilesReply { data })).await.is_err() => return,
            Ok(_) => end = "the agent that had the container's files is gone",
        }
    }
}

/// To the container.
async fn inwards(mut requests: Streaming<FilesRequest>, mut files: OwnedWriteHalf) {
    while let Ok(Some(request)) = requests.message().await {
        if files.write_all(&request.data).await.is_err() {
            // Whoever reads from it says why.
            return std::future::pending().await;
        }
    }
}
