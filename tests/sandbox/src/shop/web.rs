//! The web servers of the shop.

use std::{convert::Infallible, io};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::plan::Service;

/// Answers every request with one line that says which service was reached, and at which address.
pub(super) async fn answer(stream: TcpStream, service: &'static Service, keep_alive: bool) -> io::Result<()> {
    let page = Bytes::from(format!("{} at {}\n", service.full_name(), stream.local_addr()?));
    let respond = service_fn(move |_| {
        let mut response = Response::new(Full::new(page.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .keep_alive(keep_alive)
        .serve_connection(TokioIo::new(stream), respond)
        .await
        .map_err(io::Error::other)
}
