//! A gRPC service that streams, and its client: `ticker serve PORT`, `ticker follow HOST:PORT COUNT INTERVAL_MS BYTES`.
//!
//! The client prints how many ticks came, in milliseconds how long it waited for one at most, and the gRPC status at the end.

use std::time::{Duration, Instant};

use http::Uri;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use proto::ticker_client::TickerClient;
use proto::ticker_server::{Ticker, TickerServer};
use proto::{FollowRequest, Tick};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

#[allow(missing_docs, reason = "generated")]
mod proto {
    tonic::include_proto!("hawser.test.v1");
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", port] => serve(port.parse()?).await,
        ["follow", server, count, interval_ms, bytes] => {
            let request =
                FollowRequest { count: count.parse()?, interval_ms: interval_ms.parse()?, bytes: bytes.parse()? };
            follow(server, request).await
        }
        _ => Err("ticker serve PORT, or ticker follow HOST:PORT COUNT INTERVAL_MS BYTES".into()),
    }
}

struct Service;

#[tonic::async_trait]
impl Ticker for Service {
    type FollowStream = ReceiverStream<Result<Tick, Status>>;

    async fn follow(&self, request: Request<FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        let FollowRequest { count, interval_ms, bytes } = request.into_inner();
        let (sender, ticks) = mpsc::channel(1);
        tokio::spawn(async move {
            for number in 0..count {
                let payload = vec![number as u8; bytes as usize];
                if sender.send(Ok(Tick { number, payload })).await.is_err() {
                    return;
                }
                if interval_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(interval_ms.into())).await;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(ticks)))
    }
}

async fn serve(port: u16) -> Result<(), Failure> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(TickerServer::new(Service));
        tokio::spawn(async move {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn follow(server: &str, request: FollowRequest) -> Result<(), Failure> {
    let stream = TcpStream::connect(server).await?;
    let client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (sender, connection) = client.handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let channel = tower::service_fn(move |request| {
        let mut sender = sender.clone();
        async move { sender.send_request(request).await }
    });
    let mut ticker = TickerClient::with_origin(channel, Uri::from_static("http://ticker"));
    let (bytes, count) = (request.bytes as usize, request.count);
    let mut ticks = ticker.follow(request).await?.into_inner();
    let (mut longest, mut last, mut came) = (Duration::ZERO, Instant::now(), 0);
    let status = loop {
        match ticks.message().await {
            Ok(Some(Tick { number, payload })) if number == came && payload == vec![number as u8; bytes] => {
                longest = longest.max(last.elapsed());
                last = Instant::now();
                came += 1;
            }
            Ok(Some(Tick { number, .. })) => return Err(format!("tick {number} came in place of {came}").into()),
            Ok(None) => break "OK".to_owned(),
            Err(status) => break format!("{:?}", status.code()),
        }
    };
    println!("{came} {} {status}", longest.as_millis());
    if came == count { Ok(()) } else { Err(format!("{came} of {count} ticks came").into()) }
}
