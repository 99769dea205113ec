//! The helper's end of the socket: who may speak, how many at once, and what becomes of those who don't speak HTTP/2.

mod admission;
mod preface;

use std::convert::Infallible;
use std::time::Duration;

use hawser_fault::Fault;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::body::Body;
use tower::Service;

use crate::proto::helper_server::{Helper, HelperServer};
use crate::{Peer, limits, to_status};
use admission::{Admission, Verdict};

/// Serves `service` on `listener` until `shutdown` is ready; open calls then have [`limits::STOP_TIME`] to end.
///
/// The caller of each connection is identified by the kernel and judged by `allowed` once, when it connects. One that is
/// refused has every call answered with that fault. Handlers find the caller with [`peer_of`](crate::peer_of).
pub async fn serve<S: Helper>(
    listener: UnixListener,
    service: S,
    allowed: impl Fn(&Peer) -> Result<(), Fault>,
    shutdown: impl Future<Output = ()>,
) {
    let server = HelperServer::new(service)
        .max_decoding_message_size(limits::MESSAGE_TO_HELPER)
        .max_encoding_message_size(limits::MESSAGE_FROM_HELPER);
    let admission = Admission::default();
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);

    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => match Peer::of(&stream) {
                    Ok(peer) => {
                        // Without a verdict there is no room even to say no: the stream is dropped, which closes it.
                        if let Some(verdict) = admission.judge(&peer, &allowed) {
                            connections.spawn(serve_client(stream, peer, verdict, server.clone(), stopped.clone()));
                        }
                    }
                    Err(error) => tracing::warn!(%error, "a client's credentials cannot be read"),
                },
                Err(error) => {
                    // Out of file descriptors, most likely: without a pause this would spin until one is free.
                    tracing::warn!(%error, "cannot accept a client");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    drop(listener);
    drop(stop);
    while connections.join_next().await.is_some() {}
}

/// One client from its first byte to its last.
async fn serve_client<S: Helper>(
    stream: UnixStream,
    peer: Peer,
    verdict: Verdict,
    server: HelperServer<S>,
    mut stopped: watch::Receiver<()>,
) {
    let preface = tokio::select! {
        preface = timeout(limits::PREFACE_TIME, preface::wait(stream)) => preface,
        // The sender is dropped when the helper stops.
        _ = stopped.changed() => return,
    };
    let stream = match preface {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a client did not speak HTTP/2"),
        Err(_) => return tracing::debug!("a client said nothing"),
    };

    let linger = match &verdict {
        Verdict::Serve(_) => None,
        Verdict::Refuse(..) => Some(limits::REFUSAL_TIME),
    };
    let calls = service_fn(|request| answer(&verdict, peer, &server, request));
    let mut connection = std::pin::pin!(protocol().serve_connection(TokioIo::new(stream), calls));
    tokio::select! {
        ended = &mut connection => return note_end(ended),
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
        () = elapsed(linger) => connection.as_mut().graceful_shutdown(),
    }
    match timeout(limits::STOP_TIME, connection).await {
        Ok(ended) => note_end(ended),
        Err(_) => tracing::debug!("a client kept its calls open; they were cut"),
    }
}

fn protocol() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::KEEP_ALIVE)
        .keep_alive_timeout(limits::KEEP_ALIVE)
        .max_concurrent_streams(limits::CALLS_PER_CLIENT)
        .max_header_list_size(limits::HEADERS)
        .max_send_buf_size(limits::SEND_BUFFER);
    builder
}

fn answer<S: Helper>(
    verdict: &Verdict,
    peer: Peer,
    server: &HelperServer<S>,
    mut request: http::Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Body>, Infallible>> + Send + use<S> {
    let call = match verdict {
        Verdict::Serve(_) => {
            request.extensions_mut().insert(peer);
            Ok(server.clone().call(request))
        }
        Verdict::Refuse(fault, _) => Err(to_status(fault).into_http()),
    };
    async move {
        match call {
            Ok(call) => call.await,
            Err(refusal) => Ok(refusal),
        }
    }
}

async fn elapsed(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

fn note_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection broke");
    }
}
