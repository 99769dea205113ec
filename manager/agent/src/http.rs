//! Ports whose requests go to different places: each request is looked at and passed on as it is.

mod copy;
pub mod filter;
pub mod sniff;
mod upstream;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::board::{Board, Way};
use crate::limits;
use crate::tap::Tap;
use copy::copied;
use sniff::{Speech, sniff};
use upstream::{Asked, Said, To, Upstream};

/// Serves a client whose requests may be wanted by a laptop. What is no HTTP is the app's.
pub async fn serve(mut client: TcpStream, app: App, board: Arc<Board>) {
    loop {
        match sniff(&client).await {
            Ok(Speech::Other) | Err(_) => {
                let taps = board.stream_copies(app.address.port()).iter().map(Tap::new).collect();
                match app.carry(client, taps, &board).await {
                    Some(again) => client = again,
                    None => return,
                }
            }
            Ok(speech) => return serve_requests(client, speech, app, board).await,
        }
    }
}

async fn serve_requests(client: TcpStream, speech: Speech, app: App, board: Arc<Board>) {
    let copying = Arc::new(Semaphore::new(limits::COPIED_REQUESTS));
    let switch = Arc::new(Switch { speech, app, board, upstreams: Mutex::default(), copying });
    let service = service_fn(move |request| answer(switch.clone(), request));
    let io = TokioIo::new(client);
    let served = if speech == Speech::Http2 {
        http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
    } else {
        let mut http1 = http1::Builder::new();
        http1.preserve_header_case(true).half_close(true);
        http1.serve_connection(io, service).with_upgrades().await
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a client's connection ends");
    }
}

/// One client's connection: an upstream for the app, and one for each intercept.
struct Switch {
    speech: Speech,
    app: App,
    board: Arc<Board>,
    upstreams: Mutex<HashMap<String, Arc<Upstream>>>,
    copying: Arc<Semaphore>,
}

async fn answer(switch: Arc<Switch>, request: Request<Incoming>) -> Result<Response<Said>, Infallible> {
    let (parts, body) = request.into_parts();
    let port = switch.app.address.port();
    let (way, copies) = switch.board.request(port, &parts);
    let (body, bodies) = match copies.as_slice() {
        [] => (body.boxed_unsync(), Vec::new()),
        copies => copied(body, copies, &switch.board),
    };
    for (way, body) in copies.into_iter().zip(bodies) {
        switch.send_copy(way, Request::from_parts(parts.clone(), body));
    }
    let upstream = switch.upstream(way.as_ref().map_or("", |way| &way.intercept));
    let mut request = Request::from_parts(parts, body);
    let connects = request.method() == Method::CONNECT;
    let may_change = connects || request.headers().contains_key(hyper::header::UPGRADE);
    let upgrade = may_change.then(|| hyper::upgrade::on(&mut request));
    let to = way.as_ref().map_or(To::App(switch.app), To::Laptop);
    match upstream.send(to, request).await {
        Ok(mut response) => {
            let status = response.status();
            if (status == StatusCode::SWITCHING_PROTOCOLS || connects && status.is_success())
                && let Some(upgrade) = upgrade
            {
                let answered = hyper::upgrade::on(&mut response);
                tokio::spawn(carry_upgraded(upgrade, answered));
            }
            Ok(response.map(Either::Left))
        }
        Err(error) => Ok(nobody(&error, way.is_some())),
    }
}

impl Switch {
    fn upstream(&self, intercept: &str) -> Arc<Upstream> {
        let mut upstreams = self.upstreams.lock();
        upstreams.entry(intercept.to_owned()).or_insert_with(|| Arc::new(Upstream::new(self.speech))).clone()
    }

    /// Sends a copy on its way; its answer is read and forgotten.
    fn send_copy(&self, way: Way, request: Request<Asked>) {
        let Ok(permit) = self.copying.clone().try_acquire_owned() else {
            self.board.requests.count_dropped(&way.intercept);
            return tracing::info!(intercept = way.intercept, "a copy is dropped: the laptop is too slow for it");
        };
        let upstream = self.upstream(&way.intercept);
        tokio::spawn(async move {
            if let Ok(response) = upstream.send(To::Laptop(&way), request).await {
                let mut body = response.into_body();
                while let Some(Ok(_)) = body.frame().await {}
            }
            drop(permit);
        });
    }
}

/// After an upgrade the bytes are nobody's business.
async fn carry_upgraded(client: hyper::upgrade::OnUpgrade, other: hyper::upgrade::OnUpgrade) {
    if let (Ok(client), Ok(other)) = tokio::join!(client, other) {
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(other)).await;
    }
}

fn nobody(error: &str, laptop: bool) -> Response<Said> {
    let who = if laptop { "the program on the laptop that intercepts this request" } else { "the program in this pod" };
    let text = format!("{who} does not answer: {error}\n");
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(text))));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests;
