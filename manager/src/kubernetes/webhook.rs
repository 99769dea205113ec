//! The mutating webhook: the API server asks it about every new pod, and it answers with an agent's patch or with nothing.
//!
//! It never says no. What it can't read or do it lets through as it came.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hawser_fault::{Code, Fault};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Body;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use json_patch::Patch;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use crate::limits;

/// What the API server asks.
///
/// Source: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    uid: String,
    /// The pod's namespace, which need not be in the pod.
    #[serde(default)]
    pub namespace: String,
    /// Nothing will come of it.
    #[serde(default)]
    pub dry_run: bool,
    /// The pod.
    #[serde(default)]
    pub object: Value,
}

#[derive(Deserialize)]
struct Review {
    request: Admission,
}

/// Says what is to be changed of a pod, if anything.
pub type Mutate = Arc<dyn Fn(&Admission) -> Result<Option<Patch>, Fault> + Send + Sync>;

/// Answers the API server on the present runtime from now on.
///
/// # Errors
/// `listen-failed`.
pub async fn serve(listen: SocketAddr, authority: &Arc<Authority>, mutate: Mutate) -> Result<(), Fault> {
    let acceptor = authority.acceptor(&["http/1.1"])?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Fault::new(Code::ListenFailed, format!("{listen}: {error}")))?;
    let places = Arc::new(Semaphore::new(limits::WEBHOOK_CALLS));
    tokio::spawn(async move {
        while let Ok(place) = places.clone().acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(limits::ACCEPT_AGAIN).await;
                continue;
            };
            let (acceptor, mutate) = (acceptor.clone(), mutate.clone());
            tokio::spawn(async move {
                let _place = place;
                // The API server speaks at once; who holds a place in silence is somebody else.
                if timeout(limits::WEBHOOK_HELLO, stream.readable()).await.is_err() {
                    return;
                }
                let _ = timeout(limits::WEBHOOK_TIME, call(stream, acceptor, mutate)).await;
            });
        }
    });
    Ok(())
}

/// One connection, which is one call: an idle one would hold a place.
async fn call(stream: TcpStream, acceptor: TlsAcceptor, mutate: Mutate) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request| {
        let mutate = mutate.clone();
        async move { Ok::<_, Infallible>(answer(request, &*mutate).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a call of the webhook broke off");
    }
}

async fn answer<B>(
    request: Request<B>,
    mutate: &(dyn Fn(&Admission) -> Result<Option<Patch>, Fault> + Send + Sync),
) -> Response<Full<Bytes>>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::POST, "/mutate") => match Limited::new(request.into_body(), limits::WEBHOOK_BODY).collect().await {
            Ok(body) => reviewed(&body.to_bytes(), mutate),
            Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Value::Null),
        },
        _ => (StatusCode::NOT_FOUND, Value::Null),
    };
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn reviewed(body: &[u8], mutate: &dyn Fn(&Admission) -> Result<Option<Patch>, Fault>) -> (StatusCode, Value) {
    let Ok(Review { request }) = serde_json::from_slice(body) else { return (StatusCode::BAD_REQUEST, Value::Null) };
    let mut response = json!({ "uid": request.uid, "allowed": true });
    match mutate(&request) {
        Ok(Some(patch)) => {
            response["patchType"] = "JSONPatch".into();
            response["patch"] = STANDARD.encode(json!(patch).to_string()).into();
        }
        Ok(None) => {}
        Err(fault) => tracing::debug!(%fault, namespace = request.namespace, "a pod gets no agent"),
    }
    (StatusCode::OK, json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: Method, path: &str, body: Vec<u8>, outcome: Result<Option<Patch>, Fault>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mutate = move |_: &Admission| outcome.clone();
        let response = runtime.block_on(answer(request, &mutate));
        let status = response.status().as_u16();
        let body = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[test]
    fn a_pod_is_let_through_whatever_happens() {
        let review = json!({ "kind": "AdmissionReview", "request": { "uid": "u", "namespace": "shop", "object": {} } });
        let review = review.to_string().into_bytes();
        let patch: Patch = serde_json::from_value(json!([{ "op": "add", "path": "/spec/x", "value": 1 }])).unwrap();
        let (status, answer) = ask(Method::POST, "/mutate", review.clone(), Ok(Some(patch)));
        assert_eq!(
            (status, &answer["response"]["uid"], &answer["response"]["allowed"]),
            (200, &json!("u"), &json!(true))
        );
        let patch = STANDARD.decode(answer["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&patch).unwrap()[0]["path"], "/spec/x");
        for outcome in [Ok(None), Err(Fault::new(Code::InjectionDisabled, ""))] {
            let (status, answer) = ask(Method::POST, "/mutate", review.clone(), outcome);
            assert_eq!((status, answer["response"].clone()), (200, json!({ "uid": "u", "allowed": true })));
        }
    }

    #[test]
    fn other_questions_are_not_answered() {
        let nothing = || Ok(None);
        assert_eq!(ask(Method::GET, "/mutate", Vec::new(), nothing()).0, 404);
        assert_eq!(ask(Method::POST, "/", b"{}".to_vec(), nothing()).0, 404);
        assert_eq!(ask(Method::POST, "/mutate", b"{}".to_vec(), nothing()).0, 400);
        assert_eq!(ask(Method::POST, "/mutate", vec![b' '; limits::WEBHOOK_BODY + 1], nothing()).0, 413);
    }
}
