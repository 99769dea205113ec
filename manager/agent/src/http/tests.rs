//! Clients, an app and a laptop's program over loopback, with a manager between agent and laptop.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hawser_tunnel::client::{Connection, dial};
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::identity::{Identity, Pin};
use hawser_tunnel::link::{Link, Shared};
use hawser_tunnel::proto::{
    CheckReply, Distance, HelloReply, HttpFilter, Order, OrderPort, PreviewReply, ProveReply, RequestCounts, TextMatch,
    text_match,
};
use hawser_tunnel::server::{
    Catalogues, Changes, Checking, Host, InterceptLists, Previewing, Proving, RequestLists, Serving, acceptor,
    connection,
};
use hawser_tunnel::sockets::{self, Answer, Gate, Lead, Opener, Side, Sockets};
use http_body_util::Empty;
use hyper::client::conn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_stream::pending;

use super::*;

const MINE: &str = "uid of mine";
const OTHER: &str = "uid of other";

/// Leads every flow to the laptop's program; has nothing else to say.
struct Manager(SocketAddr);

impl Gate for Manager {
    fn lead(&self, _: Kind, _: SocketAddr) -> Result<Lead, Reason> {
        Ok(Lead::To(self.0))
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}

impl Host for Manager {
    type Endpoint = Sockets;

    fn cluster(&self, _: Pin) -> HelloReply {
        HelloReply::default()
    }

    fn changes(&self, _: Pin) -> Changes {
        Box::pin(pending())
    }

    fn catalogue(&self, _: Pin, _: Vec<String>) -> Catalogues {
        Box::pin(pending())
    }

    fn serve(&self, _: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let sockets = Sockets::new(Side::Server, Arc::new(Self(self.0)), Opener::default());
        let sockets = Arc::new(Mutex::new(sockets));
        let serving = sockets.clone();
        let serve = move |link| -> Serving {
            Box::pin(async move {
                let (_stop, stopping) = watch::channel(false);
                sockets::serve(serving, link, stopping).await;
            })
        };
        (sockets, serve)
    }

    fn intercepts(&self, _: Pin) -> InterceptLists {
        Box::pin(pending())
    }

    fn requests(&self, _: Pin) -> RequestLists {
        Box::pin(pending())
    }

    fn prove(&self, _: Pin, _: String) -> Proving {
        Box::pin(std::future::ready(ProveReply::default()))
    }

    fn check(&self, _: Pin, _: String) -> Checking {
        Box::pin(std::future::ready(CheckReply::default()))
    }

    fn preview(&self, _: Pin, _: String, _: String) -> Previewing {
        Box::pin(std::future::ready(PreviewReply::default()))
    }

    fn distances(&self, _: Pin) -> Vec<Distance> {
        Vec::new()
    }

    fn deliveries(&self, peer: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        self.serve(peer)
    }
}

/// An agent before an app, with a link to a manager that has the laptop.
struct Agent {
    board: Arc<Board>,
    app: App,
    opener: Opener,
    sockets: Shared<Sockets>,
    _connection: Connection,
}

impl Agent {
    /// App and laptop answer with their names, in the version that the client speaks.
    async fn start(speech: Speech) -> Self {
        let app = App { address: program("app", speech).await };
        Self::before(app, program("laptop", speech).await).await
    }

    async fn before(app: App, laptop: SocketAddr) -> Self {
        let manager = Arc::new(Manager(laptop));
        let (identity, own) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let acceptor = acceptor(&identity, Arc::new(|_| true)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { connection(listener.accept().await.unwrap().0, acceptor, manager).await });
        let opener = Opener::default();
        let shut = Arc::new(Manager(app.address));
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Client, shut, opener.clone())));
        let dialled = dial(&address, &own, &[identity.pin()]).await.unwrap();
        let (link, connection) = dialled.attach(sockets.clone(), None).await.unwrap();
        let serving = sockets.clone();
        tokio::spawn(async move {
            let (_stop, stopping) = watch::channel(false);
            sockets::serve(serving, link, stopping).await
        });
        within(async {
            while !opener.is_open() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        Self { board: Arc::default(), app, opener, sockets, _connection: connection }
    }

    /// What is intercepted from now on, as two managers say it.
    fn order(&self, orders: Vec<Order>) {
        self.board.post("manager", &self.opener, &self.sockets, orders.clone());
        self.board.post("another", &self.opener, &self.sockets, orders);
    }

    /// An order for requests with paths below `path`.
    fn below(&self, path: &str, intercept: &str) -> Order {
        let port = OrderPort { port: self.app.address.port().into(), udp: false, local_port: 9000 };
        let path = TextMatch { r#match: Some(text_match::Match::Prefix(path.to_owned())) };
        let http = Some(HttpFilter { path: Some(path), ..HttpFilter::default() });
        Order { intercept: intercept.to_owned(), number: 1, linked: true, ports: vec![port], http, ..Order::default() }
    }

    /// A client's connection.
    async fn client(&self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (served, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(served, self.app, self.board.clone()));
        client
    }

    fn counts(&self, intercept: &str) -> RequestCounts {
        self.board.requests.of(&[intercept.to_owned()])[0].counts.unwrap()
    }
}

fn counts(matched: u64, passed: u64, dropped: u64) -> RequestCounts {
    RequestCounts { matched, passed, dropped }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(5), work).await.expect("in time")
}

/// A server that answers with its name. It agrees to be upgraded, and then sends back what it gets.
async fn program(name: &'static str, speech: Speech) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |mut request: Request<Incoming>| async move {
                let mut response = Response::new(Full::new(Bytes::from(name)));
                if request.headers().contains_key(hyper::header::UPGRADE) {
                    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                    response.headers_mut().insert(hyper::header::CONNECTION, HeaderValue::from_static("upgrade"));
                    response.headers_mut().insert(hyper::header::UPGRADE, HeaderValue::from_static("websocket"));
                    let upgrade = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
                        tokio::io::copy(&mut read, &mut write).await
                    });
                } else {
                    let _ = request.into_body().collect().await;
                }
                Ok::<_, Infallible>(response)
            });
            let io = TokioIo::new(stream);
            tokio::spawn(async move {
                let _ = match speech {
                    Speech::Http2 => http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await,
                    _ => http1::Builder::new().serve_connection(io, service).with_upgrades().await,
                };
            });
        }
    });
    address
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://web{path}")).body(Empty::new()).unwrap()
}

async fn text(response: Response<Incoming>) -> Bytes {
    within(response.into_body().collect()).await.unwrap().to_bytes()
}

#[tokio::test]
async fn each_request_of_a_kept_connection_is_counted() {
    let agent = Agent::start(Speech::Http1).await;
    agent.order(vec![agent.below("/mine", MINE), agent.below("/other", OTHER)]);
    let (mut sender, connection) = conn::http1::handshake(TokioIo::new(agent.client().await)).await.unwrap();
    tokio::spawn(connection);
    let asked =
        [("/mine", "laptop"), ("/app", "app"), ("/mine/2", "laptop"), ("/other", "laptop"), ("/mine/3", "laptop")];
    for (path, who) in asked {
        let request = Request::get(path).header("host", "web").body(Empty::<Bytes>::new()).unwrap();
        assert_eq!(text(within(sender.send_request(request)).await.unwrap()).await, who);
    }
    assert_eq!(agent.counts(MINE), counts(3, 1, 0));
    assert_eq!(agent.counts(OTHER), counts(1, 1, 0), "what the first one took went to no pod");

    // The same orders from a manager that has come back.
    agent.order(vec![agent.below("/mine", MINE)]);
    assert_eq!(agent.counts(MINE), counts(3, 1, 0));
    // A laptop that is away.
    agent.order(vec![Order { linked: false, ..agent.below("/mine", MINE) }]);
    let mut client = agent.client().await;
    client.write_all(b"GET /mine HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    within(client.read_to_string(&mut said)).await.unwrap();
    assert!(said.ends_with("app"), "{said}");
    let counted = agent.counts(MINE);
    assert_eq!(counted.matched, 3, "it went to the pod");
}

#[tokio::test]
async fn each_request_of_http2_is_counted() {
    let agent = Agent::start(Speech::Http2).await;
    agent.order(vec![agent.below("/mine", MINE)]);
    let io = TokioIo::new(agent.client().await);
    let (sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let ask = async |path: &str| {
        let response = within(sender.clone().send_request(get(path))).await.unwrap();
        text(response).await
    };
    let (one, two, three, four) = tokio::join!(ask("/mine/1"), ask("/2"), ask("/mine/3"), ask("/mine/4"));
    assert_eq!([one, two, three, four], ["laptop", "app", "laptop", "laptop"].map(Bytes::from));
    assert_eq!(agent.counts(MINE), counts(3, 1, 0));
}

#[tokio::test]
async fn a_websocket_is_one_request() {
    let agent = Agent::start(Speech::Http1).await;
    agent.order(vec![agent.below("/mine", MINE)]);
    let mut client = agent.client().await;
    let upgrade = b"GET /mine HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    client.write_all(upgrade).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(client.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    for message in [b"GET /mine HTTP/1.1\r\n\r\n", b"GET /else HTTP/1.1\r\n\r\n"] {
        client.write_all(message).await.unwrap();
        let mut back = [0; 22];
        within(client.read_exact(&mut back)).await.unwrap();
        assert_eq!(&back, message);
    }
    assert_eq!(agent.counts(MINE), counts(1, 0, 0));
}

#[tokio::test]
async fn copies_are_counted_apart_from_what_the_pod_alone_gets() {
    let agent = Agent::start(Speech::Http1).await;
    agent.order(vec![Order { copy: true, ..agent.below("/mine", MINE) }]);
    let mut client = agent.client().await;
    let mut ask = async |path: &str, length: usize| {
        let head = format!("POST {path} HTTP/1.1\r\nhost: web\r\ncontent-length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![b'x'; length]).await.unwrap();
        let mut said = vec![0; 1_024];
        let length = within(client.read(&mut said)).await.unwrap();
        assert!(said[..length].ends_with(b"app"), "the app answers");
    };
    ask("/mine", 2).await;
    ask("/else", 2).await;
    assert_eq!(agent.counts(MINE), counts(1, 1, 0));
}

#[tokio::test]
async fn a_copy_that_nobody_reads_is_counted_as_dropped() {
    let app = App { address: program("app", Speech::Http1).await };
    let stuck = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let agent = Agent::before(app, stuck.local_addr().unwrap()).await;
    agent.order(vec![Order { copy: true, ..agent.below("/mine", MINE) }]);
    let mut client = agent.client().await;
    // More than credit, kernels and the agent hold.
    let length = 64 << 20;
    let head = format!("POST /mine HTTP/1.1\r\nhost: web\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    within(client.write_all(&vec![b'x'; length])).await.unwrap();
    let mut said = String::new();
    within(client.read_to_string(&mut said)).await.unwrap();
    assert!(said.ends_with("app"), "{said}");
    assert_eq!(agent.counts(MINE), counts(1, 0, 1));
}
