//! A real link over loopback: TLS, first exchange, stream of batches, and each way to be refused.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hawser_tunnel::client::{Connection, dial, dial_over};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::frame::{FlowId, Kind, Reason};
use hawser_tunnel::identity::{Identity, Pin};
use hawser_tunnel::link::{Endpoint, Link, Shared};
use hawser_tunnel::mux::{Event, Mux, Pull, Side, Source};
use hawser_tunnel::proto::{
    Catalogue, Change, CheckReply, Distance, HelloReply, InterceptList, Intercepted, Namespace, PreviewReply,
    ProveReply, RequestList, Requested, Trial,
};
use hawser_tunnel::server::{
    Catalogues, Changes, Checking, Host, InterceptLists, Previewing, Proving, RequestLists, Serving, acceptor,
    connection,
};
use hawser_tunnel::sockets::{self, Answer, Gate, Lead, Opener, Sockets};
use hawser_tunnel::target;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An end that sends back what it receives.
struct Echo {
    mux: Mux,
    back: Vec<(FlowId, BytesMut)>,
    heard: BytesMut,
}

struct Back<'a>(&'a mut Vec<(FlowId, BytesMut)>);

impl Source for Back<'_> {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        let Some((_, bytes)) = self.0.iter_mut().find(|(id, _)| *id == flow) else { return Pull::Empty };
        let part = bytes.split_to(room.min(bytes.len()));
        out.extend_from_slice(&part);
        if bytes.is_empty() { Pull::Empty } else { Pull::More }
    }
}

impl Endpoint for Echo {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        self.mux.transmit(out, size, now, &mut Back(&mut self.back));
    }
}

impl Echo {
    fn new(side: Side) -> Shared<Self> {
        Arc::new(Mutex::new(Self { mux: Mux::new(side, Instant::now()), back: Vec::new(), heard: BytesMut::new() }))
    }

    fn say(&mut self, flow: FlowId, bytes: &[u8]) {
        match self.back.iter_mut().find(|(id, _)| *id == flow) {
            Some((_, waiting)) => waiting.extend_from_slice(bytes),
            None => self.back.push((flow, bytes.into())),
        }
        self.mux.ready(flow);
    }

    fn receive(&mut self, bytes: Bytes, echo: bool) {
        let mut events = Vec::new();
        self.mux.receive(bytes, Instant::now(), &mut events).unwrap();
        for event in events {
            match event {
                Event::Opened { flow, .. } => self.mux.accept(flow, 1),
                Event::Data { flow, bytes } => {
                    self.mux.consumed(flow, bytes.len(), Instant::now());
                    self.heard.extend_from_slice(&bytes);
                    if echo {
                        self.say(flow, &bytes);
                    }
                }
                _ => {}
            }
        }
    }
}

struct EchoHost;

impl Host for EchoHost {
    type Endpoint = Echo;

    fn changes(&self, _: Pin) -> Changes {
        let first = Change { whole: true, added_domains: vec!["demo.local".to_owned()], ..Change::default() };
        let second = Change { added_subnets: vec!["10.1.0.0/16".to_owned()], ..Change::default() };
        Box::pin(futures_util::stream::iter([first, second]))
    }

    fn catalogue(&self, _: Pin, namespaces: Vec<String>) -> Catalogues {
        let namespaces = namespaces.into_iter().map(|name| Namespace { name, ..Namespace::default() }).collect();
        Box::pin(futures_util::stream::iter([Catalogue { whole: true, namespaces, removed: Vec::new() }]))
    }

    fn cluster(&self, _: Pin) -> HelloReply {
        HelloReply { subnets: vec!["10.0.0.0/8".to_owned()], ..HelloReply::default() }
    }

    fn serve(&self, _: Pin) -> (Shared<Echo>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let endpoint = Echo::new(Side::Server);
        let shared = endpoint.clone();
        let serve = move |mut link: Link| -> Serving {
            Box::pin(async move {
                while let Ok(bytes) = link.receive().await {
                    shared.lock().receive(bytes, true);
                    link.wake();
                }
            })
        };
        (endpoint, serve)
    }

    fn intercepts(&self, _: Pin) -> InterceptLists {
        let intercepted = Intercepted { name: "web".to_owned(), ..Intercepted::default() };
        Box::pin(futures_util::stream::iter([InterceptList { intercepts: vec![intercepted] }]))
    }

    fn requests(&self, _: Pin) -> RequestLists {
        let requested = Requested { uid: "u".to_owned(), uncounted: 1, ..Requested::default() };
        Box::pin(futures_util::stream::iter([RequestList { intercepts: vec![requested] }]))
    }

    fn check(&self, _: Pin, namespace: String) -> Checking {
        Box::pin(std::future::ready(CheckReply { detail: format!("of {namespace}"), ..CheckReply::default() }))
    }

    fn preview(&self, _: Pin, namespace: String, spec: String) -> Previewing {
        let notes = vec![format!("{spec} in {namespace}")];
        Box::pin(std::future::ready(PreviewReply { notes, ..PreviewReply::default() }))
    }

    fn prove(&self, _: Pin, uid: String) -> Proving {
        let trial = Trial { pod: format!("of {uid}"), ..Trial::default() };
        Box::pin(std::future::ready(ProveReply { trials: vec![trial] }))
    }

    fn distances(&self, _: Pin) -> Vec<Distance> {
        vec![Distance { pod: "web-0".to_owned(), round_trip_us: 400 }]
    }

    /// Asks the client for one flow, and sends back what comes on it.
    fn deliveries(&self, _: Pin) -> (Shared<Echo>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let endpoint = Echo::new(Side::Server);
        let shared = endpoint.clone();
        let serve = move |mut link: Link| -> Serving {
            Box::pin(async move {
                shared.lock().mux.open(Kind::Tcp, target::of_handler(8080)).unwrap();
                link.wake();
                while let Ok(bytes) = link.receive().await {
                    shared.lock().receive(bytes, true);
                    link.wake();
                }
            })
        };
        (endpoint, serve)
    }
}

async fn server(admitted: Option<Pin>) -> (SocketAddr, Pin) {
    let identity = Identity::generate().unwrap();
    let pin = identity.pin();
    let acceptor = acceptor(&identity, Arc::new(move |pin| admitted == Some(pin))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, acceptor.clone(), Arc::new(EchoHost)));
        }
    });
    (address, pin)
}

async fn link(address: SocketAddr, identity: &Identity, pin: Pin) -> (Shared<Echo>, Link, Connection) {
    let dialled = dial(&address.to_string(), identity, &[pin]).await.unwrap();
    assert_eq!(dialled.hello.subnets, ["10.0.0.0/8"]);
    let endpoint = Echo::new(Side::Client);
    let (link, connection) = dialled.attach(endpoint.clone(), None).await.unwrap();
    (endpoint, link, connection)
}

async fn echoed(endpoint: &Shared<Echo>, link: &mut Link, bytes: &[u8]) {
    let flow = endpoint.lock().mux.open(Kind::Tcp, "10.0.0.1:80".parse().unwrap()).unwrap();
    endpoint.lock().say(flow, bytes);
    link.wake();
    let all = async {
        while endpoint.lock().heard.len() < bytes.len() {
            let chunk = link.receive().await.unwrap();
            endpoint.lock().receive(chunk, false);
            link.wake();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("the echo comes back");
    assert!(endpoint.lock().heard == bytes, "the bytes differ");
}

#[tokio::test]
async fn megabytes_come_back_as_they_went() {
    let identity = Identity::generate().unwrap();
    let (address, pin) = server(Some(identity.pin())).await;
    let (endpoint, mut link, _connection) = link(address, &identity, pin).await;
    let bytes: Vec<u8> = (0..8_000_000u32).map(|n| (n % 251) as u8).collect();
    echoed(&endpoint, &mut link, &bytes).await;
}

#[tokio::test]
async fn what_changes_in_the_cluster_is_told() {
    let identity = Identity::generate().unwrap();
    let (address, pin) = server(Some(identity.pin())).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let dialled = dial_over(stream, "a stream", &identity, &[pin]).await.unwrap();
    let mut catalogue = dialled.caller().browse(vec!["shop".to_owned()]).await.unwrap();
    assert_eq!(catalogue.message().await.unwrap().unwrap().namespaces[0].name, "shop");
    let mut changes = dialled.changes().await.unwrap();
    let first = changes.message().await.unwrap().unwrap();
    assert!(first.whole && first.added_domains == ["demo.local"]);
    let second = changes.message().await.unwrap().unwrap();
    assert!(!second.whole && second.added_subnets == ["10.1.0.0/16"]);
}

/// Leads the handler of one port to a listener.
struct Handler(u16, SocketAddr);

impl Gate for Handler {
    fn lead(&self, _: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        if target == target::of_handler(self.0) { Ok(Lead::To(self.1)) } else { Err(Reason::Forbidden) }
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}

#[tokio::test]
async fn a_second_link_brings_the_manager_s_flows_to_a_handler() {
    let identity = Identity::generate().unwrap();
    let (address, pin) = server(Some(identity.pin())).await;
    let dialled = dial(&address.to_string(), &identity, &[pin]).await.unwrap();
    let caller = dialled.caller();
    let list = caller.intercepts().await.unwrap().message().await.unwrap().unwrap();
    assert_eq!(list.intercepts[0].name, "web");
    let counted = caller.requests().await.unwrap().message().await.unwrap().unwrap();
    assert_eq!((counted.intercepts[0].uid.as_str(), counted.intercepts[0].uncounted), ("u", 1));
    assert_eq!(caller.check("shop".to_owned()).await.unwrap().detail, "of shop");
    let preview = caller.preview("shop".to_owned(), "{}".to_owned()).await.unwrap();
    assert_eq!(preview.notes, ["{} in shop"]);
    assert_eq!(caller.prove("7".to_owned()).await.unwrap()[0].pod, "of 7");
    let far = caller.distances().await.unwrap();
    assert_eq!((far[0].pod.as_str(), far[0].round_trip_us), ("web-0", 400));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gate = Arc::new(Handler(8080, listener.local_addr().unwrap()));
    let handlers = Arc::new(Mutex::new(Sockets::new(Side::Client, gate, Opener::default())));
    let link = caller.deliveries(handlers.clone(), None).await.unwrap();
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(sockets::serve(handlers.clone(), link, stopping));

    let (mut handler, _) = listener.accept().await.unwrap();
    handler.write_all(b"from the handler").await.unwrap();
    let mut back = [0; 16];
    handler.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"from the handler");
    assert_eq!(handlers.lock().flow_count(), 1);

    serving.abort();
    let end = tokio::time::timeout(Duration::from_secs(5), handler.read(&mut back)).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "the flow ends with its link");
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_named() {
    let identity = Identity::generate().unwrap();
    let (address, pin) = server(Some(identity.pin())).await;
    match dial(&address.to_string(), &identity, &[identity.pin()]).await.err() {
        Some(LinkError::WrongPin(seen)) => assert_eq!(seen, pin),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_that_nobody_knows_is_told_so() {
    let (address, pin) = server(None).await;
    let result = dial(&address.to_string(), &Identity::generate().unwrap(), &[pin]).await;
    assert!(matches!(result.err(), Some(LinkError::NotAdmitted)));
}

#[tokio::test]
async fn nobody_there_and_nobody_who_answers_are_told_apart() {
    let identity = Identity::generate().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    match dial(&address, &identity, &[identity.pin()]).await.err() {
        Some(LinkError::DialTimedOut { .. }) => {}
        other => panic!("{other:?}"),
    }
    drop(listener);
    match dial(&address, &identity, &[identity.pin()]).await.err() {
        Some(LinkError::Unreachable { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn noise_does_not_disturb_others() {
    let identity = Identity::generate().unwrap();
    let (address, pin) = server(Some(identity.pin())).await;
    for seed in 0..20u8 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let noise: Vec<u8> = (0..2000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect();
        let _ = stream.write_all(&noise).await;
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the server ends such a connection");
    }
    let (endpoint, mut link, _connection) = link(address, &identity, pin).await;
    echoed(&endpoint, &mut link, b"still here").await;
}
