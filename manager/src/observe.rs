//! Health and metrics over plain HTTP, for kubelets and Prometheus.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_fault::{Code, Fault};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::limits;
use crate::metrics;

/// Answers `/healthz`, `/readyz` and `/metrics` on the present runtime from now on.
///
/// # Errors
/// `listen-failed`.
pub async fn serve(listen: SocketAddr, is_ready: impl Fn() -> bool + Send + Sync + 'static) -> Result<(), Fault> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Fault::new(Code::ListenFailed, format!("{listen}: {error}")))?;
    let (is_ready, places) = (Arc::new(is_ready), Arc::new(Semaphore::new(limits::OBSERVERS)));
    tokio::spawn(async move {
        while let Ok(place) = places.clone().acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let is_ready = is_ready.clone();
            tokio::spawn(async move {
                let _place = place;
                let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let answer = answer(request.uri().path(), &*is_ready);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits::OBSERVE_TIME)
                    .serve_connection(TokioIo::new(stream), answer);
                let _ = tokio::time::timeout(limits::OBSERVE_TIME * 6, connection).await;
            });
        }
    });
    Ok(())
}

fn answer(path: &str, is_ready: &dyn Fn() -> bool) -> Response<Full<Bytes>> {
    let (status, text) = match path {
        "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
        "/readyz" if is_ready() => (StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, "the cluster is not known yet\n".to_owned()),
        "/metrics" => (StatusCode::OK, metrics::text()),
        _ => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_its_answer() {
        let status = |path, ready: bool| answer(path, &move || ready).status().as_u16();
        assert_eq!(status("/healthz", false), 200);
        assert_eq!((status("/readyz", false), status("/readyz", true)), (503, 200));
        assert_eq!(status("/metrics", false), 200);
        assert_eq!(status("/", true), 404);
    }
}
