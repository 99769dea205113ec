//! The companion's process from start to end.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::companion_answer::Answer;
use hawser_ipc::proto::companion_request::Request;
use hawser_ipc::proto::{Access, CompanionAnswer, CompanionRequest, CredentialRequest, MountReport, WatchRequest};
use hawser_ipc::{Client, socket_path};
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;

use super::desk::Desk;
use super::log::Log;
use super::logins::Logins;
use super::{answer, start};
use crate::kubeconfig::Environment;
use crate::mounts::Mounts;
use crate::secrets::Secrets;

/// How long it stays without a connection that needs it; a new one may just be asked for.
const IDLE: Duration = Duration::from_secs(10);
/// How long it looks for a helper that is gone: it may be restarted, and its connections with it.
const WITHOUT_HELPER: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Answers that wait for the helper.
const ANSWERS: usize = 16;
/// Programs of the user's that are served at once; the next one waits.
const CALLERS: usize = 16;

/// Why the companion stops serving a helper.
enum End {
    /// Nothing needs it.
    Idle,
    /// Another companion serves.
    Replaced,
    /// The helper is gone.
    Lost,
}

/// Serves until nothing needs it. Returns at once if another companion of this user is there.
///
/// # Errors
/// `internal` if there can be no socket.
pub async fn run() -> Result<(), Fault> {
    let unusable = |error: std::io::Error| Fault::new(Code::Internal, format!("no socket: {error}"));
    let socket = start::socket()?;
    let lock = fs::File::create(socket.with_extension("lock")).map_err(unusable)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).map_err(unusable)?;
    let own = Environment::of_this_process().map_err(unusable)?;
    let file =
        own.state_folder().map_or_else(|| socket.with_file_name("secrets"), |state| state.join("hawser/secrets"));
    let desk = Arc::new(Desk::new(own, Logins::new(Secrets::new(None, file)), Log::open(&socket)));
    desk.log.say(concat!("hawser ", env!("CARGO_PKG_VERSION"), " begins"));
    tokio::spawn(listen(listener, desk.clone()));
    // Nobody holds what a companion before this one has left.
    Mounts::clean().await;

    // Where it was uninstalled nobody brings the helper back. An upgrade leaves no moment without the file.
    let program = std::env::current_exe().map_err(unusable)?;
    let mut lost_since = Instant::now();
    while lost_since.elapsed() < WITHOUT_HELPER && program.exists() {
        if let Ok(helper) = hawser_ipc::connect(&socket_path()).await {
            match serve(helper, &desk).await {
                End::Idle => {
                    desk.log.say("no connection needs it: it ends");
                    break;
                }
                End::Replaced => {
                    desk.log.say("another companion serves: it ends");
                    break;
                }
                End::Lost => {
                    desk.log.say("the helper is gone: it is looked for");
                    lost_since = Instant::now();
                }
            }
        }
        sleep(LOOK_AGAIN).await;
    }
    let _ = fs::remove_file(&socket);
    Ok(())
}

async fn listen(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(CALLERS));
    loop {
        let (Ok((stream, _)), Ok(place)) = (listener.accept().await, Arc::clone(&places).acquire_owned().await) else {
            sleep(LOOK_AGAIN).await;
            continue;
        };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            // Whoever hangs up or says nothing that makes sense gets no answer.
            let _ = desk.serve(stream).await;
            drop(place);
        });
    }
}

async fn serve(helper: Client, desk: &Arc<Desk>) -> End {
    let mut mounts = Mounts::new();
    let end = answer_all(helper, desk, &mut mounts).await;
    mounts.end().await;
    end
}

async fn answer_all(mut helper: Client, desk: &Arc<Desk>, mounts: &mut Mounts) -> End {
    let (answers, waiting) = mpsc::channel(ANSWERS);
    // The call opens with its first message.
    let _ = answers.send(CompanionAnswer::default()).await;
    let Ok(requests) = helper.accompany(ReceiverStream::new(waiting)).await else { return End::Lost };
    let mut requests = requests.into_inner();
    let Ok(snapshots) = helper.watch(WatchRequest { follow: true, ..WatchRequest::default() }).await else {
        return End::Lost;
    };
    let mut snapshots = snapshots.into_inner();
    let mut idle_since = Some(Instant::now());
    loop {
        let idle = async {
            match idle_since {
                Some(since) => tokio::time::sleep_until(since + IDLE).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = idle => match desk.callers.load(Ordering::Relaxed) {
                0 => return End::Idle,
                _ => idle_since = Some(Instant::now()),
            },
            request = requests.message() => match request {
                Ok(Some(request)) => {
                    tokio::spawn(reply(request, desk.clone(), answers.clone()));
                }
                Err(status) if status.code() == tonic::Code::Aborted => return End::Replaced,
                Ok(None) | Err(_) => return End::Lost,
            },
            report = mounts.news() => {
                desk.log.say(&said(&report));
                let _ = answers.send(CompanionAnswer { id: 0, answer: Some(Answer::Mount(report)) }).await;
            }
            snapshot = snapshots.message() => match snapshot {
                Ok(Some(snapshot)) => {
                    let own = nix::unistd::geteuid().as_raw();
                    mounts.follow(&snapshot, own);
                    let needed: Vec<&str> = snapshot
                        .connections
                        .iter()
                        .filter(|connection| connection.owner == own && !connection.context.is_empty())
                        .map(|connection| connection.name.as_str())
                        .collect();
                    idle_since = match (needed.is_empty(), idle_since) {
                        (true, None) => Some(Instant::now()),
                        (true, since) => since,
                        (false, _) => None,
                    };
                }
                Ok(None) | Err(_) => return End::Lost,
            },
        }
    }
}

fn said(report: &MountReport) -> String {
    let how = match &report.cause {
        None => "mounted",
        Some(cause) => &cause.code,
    };
    format!("files of {} over {}: {how}", report.name, report.connection)
}

async fn reply(request: CompanionRequest, desk: Arc<Desk>, answers: mpsc::Sender<CompanionAnswer>) {
    let outcome = match request.request {
        Some(Request::Credential(question)) => credential(&question, &desk).await,
        Some(Request::Server(question)) => answer::server(&question, &desk.environment(&question.connection)),
        None => return,
    };
    let answer = match outcome {
        Ok(access) => Answer::Access(access),
        Err(fault) => Answer::Fault(fault.into()),
    };
    let _ = answers.send(CompanionAnswer { id: request.id, answer: Some(answer) }).await;
}

async fn credential(question: &CredentialRequest, desk: &Desk) -> Result<Access, Fault> {
    let environment = desk.environment(&question.connection);
    let began = Instant::now();
    let outcome = answer::credential(question, &environment, &desk.logins).await;
    // What a plugin said can be secret; its fault's code isn't.
    let came = outcome.as_ref().map_or_else(|fault| fault.code.as_str(), |_| "obtained");
    desk.log.say(&format!("credential of {}: {came} after {:.1?}", question.connection, began.elapsed()));
    outcome
}
