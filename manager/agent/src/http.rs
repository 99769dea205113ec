//! Ports whose requests go to different places: each request is looked at and passed on as it is.

pub mod filter;
mod sniff;
mod upstream;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use crate::app::App;
use crate::board::Board;
use sniff::{Speech, sniff};
use upstream::{Said, To, Upstream};

/// Serves a client whose requests may be wanted by a laptop. What is no HTTP is the app's.
pub async fn serve(client: TcpStream, app: App, board: Arc<Board>) {
    match sniff(&client).await {
        Ok(Speech::Other) | Err(_) => app.carry(client).await,
        Ok(speech) => {
            let switch = Arc::new(Switch { speech, app, board, upstreams: Mutex::default() });
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
    }
}

/// One client's connection: an upstream for the app, and one for each intercept.
struct Switch {
    speech: Speech,
    app: App,
    board: Arc<Board>,
    upstreams: Mutex<HashMap<String, Arc<Upstream>>>,
}

async fn answer(switch: Arc<Switch>, request: Request<Incoming>) -> Result<Response<Said>, Infallible> {
    let (parts, body) = request.into_parts();
    let way = switch.board.request_way(switch.app.address.port(), &parts);
    let name = way.as_ref().map_or("", |way| way.intercept.as_str()).to_owned();
    let upstream = {
        let mut upstreams = switch.upstreams.lock();
        upstreams.entry(name).or_insert_with(|| Arc::new(Upstream::new(switch.speech))).clone()
    };
    let mut request = Request::from_parts(parts, body);
    let upgrade = request.headers().contains_key(hyper::header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let to = way.as_ref().map_or(To::App(switch.app), To::Laptop);
    match upstream.send(to, request).await {
        Ok(mut response) => {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS
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
