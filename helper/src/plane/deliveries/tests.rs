//! A manager over loopback asks for flows to handlers on this laptop.

use hawser_tunnel::client::{Connection, dial};
use hawser_tunnel::identity::{Identity, Pin};
use hawser_tunnel::link::Link;
use hawser_tunnel::proto::{AgentRequests, CheckReply, Distance, HelloReply, PreviewReply, ProveReply, Requested};
use hawser_tunnel::server::{
    Catalogues, Changes, Checking, Host, InterceptLists, Previewing, Proving, RequestLists, Serving, acceptor,
    connection,
};
use hawser_tunnel::sockets::{Near, pipe};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Asks nothing by itself: the test opens the flows.
struct Manager {
    opener: Opener,
    list: watch::Receiver<InterceptList>,
    counts: watch::Receiver<RequestList>,
}

/// Has the files of one container, which come back as they are sent, and nothing else.
struct Shut;

/// The number of an intercept, and that of the container with files.
const FILES: (u32, u16) = (9, 2);

impl Gate for Shut {
    fn lead(&self, kind: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        if (kind, target::intercept(target)) != (Kind::Tcp, Some(FILES)) {
            return Err(Reason::Forbidden);
        }
        let (near, far) = UnixStream::pair().map_err(|_| Reason::Limit)?;
        tokio::spawn(async move {
            let (mut read, mut write) = far.into_split();
            tokio::io::copy(&mut read, &mut write).await
        });
        Ok(Lead::Stream(near))
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}

fn endpoint(opener: Opener) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
    let sockets = Arc::new(Mutex::new(Sockets::new(Side::Server, Arc::new(Shut), opener)));
    let shared = sockets.clone();
    let serve = move |link| -> Serving {
        Box::pin(async move {
            let (_stop, stopping) = watch::channel(false);
            sockets::serve(shared, link, stopping).await;
        })
    };
    (sockets, serve)
}

/// What is there now, then each that follows.
fn each<T: Clone + Send + Sync + 'static>(
    told: watch::Receiver<T>,
) -> std::pin::Pin<Box<dyn futures_util::Stream<Item = T> + Send>> {
    let each = async |(mut told, first): (watch::Receiver<T>, bool)| {
        if !first {
            told.changed().await.ok()?;
        }
        let now = told.borrow_and_update().clone();
        Some((now, (told, false)))
    };
    Box::pin(futures_util::stream::unfold((told, true), each))
}

impl Host for Manager {
    type Endpoint = Sockets;

    fn cluster(&self, _: Pin) -> HelloReply {
        HelloReply::default()
    }

    fn changes(&self, _: Pin) -> Changes {
        Box::pin(futures_util::stream::pending())
    }

    fn catalogue(&self, _: Pin, _: Vec<String>) -> Catalogues {
        Box::pin(futures_util::stream::pending())
    }

    fn serve(&self, _: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        endpoint(Opener::default())
    }

    fn intercepts(&self, _: Pin) -> InterceptLists {
        each(self.list.clone())
    }

    fn requests(&self, _: Pin) -> RequestLists {
        each(self.counts.clone())
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

    fn prove(&self, _: Pin, _: String) -> Proving {
        Box::pin(std::future::ready(ProveReply::default()))
    }

    fn deliveries(&self, _: Pin) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        endpoint(self.opener.clone())
    }
}

struct Laptop {
    deliveries: Arc<Deliveries>,
    delivering: Delivering,
    opener: Opener,
    list: watch::Sender<InterceptList>,
    counts: watch::Sender<RequestList>,
    changes: watch::Receiver<u64>,
    connection: Connection,
}

impl Laptop {
    /// A laptop with one link to a manager, when its deliveries have begun.
    async fn new() -> Self {
        let (identity, key) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let pin = key.pin();
        let acceptor = acceptor(&identity, Arc::new(move |other| other == pin)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (list, listed) = watch::channel(InterceptList::default());
        let (counts, counted) = watch::channel(RequestList::default());
        let opener = Opener::default();
        let manager = Arc::new(Manager { opener: opener.clone(), list: listed, counts: counted });
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            connection(stream, acceptor, manager).await
        });

        let dialled = dial(&address.to_string(), &key, &[identity.pin()]).await.unwrap();
        let caller = dialled.caller();
        let idle = Arc::new(Mutex::new(Sockets::new(Side::Client, Arc::new(Shut), Opener::default())));
        let (_, connection) = dialled.attach(idle, None).await.unwrap();
        let (sender, mut changes) = watch::channel(0);
        let deliveries = Arc::new(Deliveries::new(sender));
        let config = hawser_vif::Config { local: Vec::new(), checksum_offload: false, seed: 1 };
        let link = hawser_vif::Core::new(config, std::time::Instant::now()).link_up(std::time::Instant::now());
        let delivering = Delivering::start(Arc::clone(&deliveries), link, caller, None);
        // The first list says that the manager listens; the link is there soon after.
        changes.changed().await.unwrap();
        while !opener.is_open() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { deliveries, delivering, opener, list, counts, changes, connection }
    }

    /// A connection in the cluster whose other end is to be the handler of this port.
    async fn client(&self, port: u16) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (near, _) = listener.accept().await.unwrap();
        self.opener.open(Kind::Tcp, target::of_handler(port), Near::Tcp(near)).unwrap_or_else(|_| panic!("no link"));
        client
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), work).await.expect("in time")
}

#[tokio::test]
async fn a_flow_reaches_the_handler_of_its_port_and_no_other() {
    let laptop = Laptop::new().await;
    let handler = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = handler.local_addr().unwrap();
    laptop.deliveries.set_handlers([((Kind::Tcp, 8080), elsewhere)].into());

    let mut client = laptop.client(8080).await;
    client.write_all(b"ping").await.unwrap();
    let (mut served, _) = in_time(handler.accept()).await.unwrap();
    let mut heard = [0; 4];
    in_time(served.read_exact(&mut heard)).await.unwrap();
    served.write_all(b"pong").await.unwrap();
    in_time(client.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"pong");
    assert_eq!(laptop.delivering.flow_count(), 1);
    let counted = || laptop.deliveries.delivered([(Kind::Tcp, 8080), (Kind::Udp, 8080)].into_iter());
    let first = counted();
    assert_eq!((first.connections, first.refused), (1, 0));
    assert!(first.last.is_some_and(|last| last.elapsed().unwrap() < Duration::from_secs(5)));

    drop(handler);
    let mut unheard = laptop.client(8080).await;
    assert!(in_time(unheard.read(&mut heard)).await.is_err(), "nobody listens any more");
    let second = counted();
    assert_eq!((second.connections, second.refused), (2, 1));
    assert!(second.last >= first.last);

    let mut refused = laptop.client(8081).await;
    let error = in_time(refused.read(&mut heard)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let (near, far) = pipe();
    assert!(laptop.opener.open(Kind::Tcp, elsewhere, Near::Pipe(near)).is_ok());
    let answer = in_time(std::future::poll_fn(|context| far.poll_answer(context.waker()))).await;
    assert_eq!(answer, Err(Reason::Forbidden), "an address is no handler");

    laptop.deliveries.set_handlers(Handlers::new());
    let mut late = laptop.client(8080).await;
    assert!(in_time(late.read(&mut heard)).await.is_err(), "what was left is refused");
    assert_eq!(laptop.deliveries.delivered([(Kind::Tcp, 8080)].into_iter()), Delivered::default(), "and forgotten");
}

#[tokio::test]
async fn datagrams_reach_the_handler_of_their_port() {
    let laptop = Laptop::new().await;
    let handler = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    laptop.deliveries.set_handlers([((Kind::Udp, 5353), handler.local_addr().unwrap())].into());
    let (near, far) = pipe();
    assert!(laptop.opener.open(Kind::Udp, target::of_handler(5353), Near::Pipe(near)).is_ok());
    assert!(in_time(std::future::poll_fn(|context| far.poll_answer(context.waker()))).await.is_ok());
    far.send(Bytes::from_static(b"who")).unwrap();
    let mut heard = [0; 8];
    let (length, from) = in_time(handler.recv_from(&mut heard)).await.unwrap();
    assert_eq!(&heard[..length], b"who");
    handler.send_to(b"me", from).await.unwrap();
    let back = in_time(std::future::poll_fn(|context| far.poll_datagram(context.waker()))).await;
    assert_eq!(back.unwrap(), "me");
}

#[tokio::test]
async fn what_a_manager_says_holds_as_long_as_its_link() {
    let mut laptop = Laptop::new().await;
    let pod = |name: &str, applied| InterceptedPod { name: name.to_owned(), applied, ..InterceptedPod::default() };
    let intercepted =
        Intercepted { uid: "u1".to_owned(), pods: vec![pod("web-b", false), pod("web-a", true)], ..Default::default() };
    laptop.list.send_replace(InterceptList { intercepts: vec![intercepted] });
    in_time(laptop.changes.wait_for(|_| !laptop.deliveries.pods("u1").is_empty())).await.unwrap();
    assert_eq!(laptop.deliveries.pods("u1"), [pod("web-a", true), pod("web-b", false)]);
    assert!(laptop.deliveries.pods("u2").is_empty());
    drop(laptop.delivering);
    in_time(laptop.changes.wait_for(|_| laptop.deliveries.pods("u1").is_empty())).await.unwrap();
    drop(laptop.connection);
}

#[tokio::test]
async fn requests_are_added_up_and_outlive_a_link() {
    let laptop = Laptop::new().await;
    assert_eq!(laptop.deliveries.requests("u1"), None, "a manager that does not tell of any");
    let agent = |run, matched| AgentRequests { run, counts: Some(RequestCounts { matched, passed: 1, dropped: 0 }) };
    let say = |agents, uncounted| {
        let requested = Requested { uid: "u1".to_owned(), agents, uncounted };
        laptop.counts.send_replace(RequestList { intercepts: vec![requested] });
    };
    let so = async |matched: Option<u64>| {
        while laptop.deliveries.requests("u1").map(|counts| counts.matched) != matched {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    say(vec![agent(1, 5), agent(2, 7)], 0);
    in_time(so(Some(12))).await;
    say(vec![agent(3, 1), agent(2, 7)], 0);
    in_time(so(Some(13))).await;
    assert_eq!(*laptop.changes.borrow(), 1, "nobody is waked by each request");
    say(vec![agent(3, 1), agent(2, 7)], 1);
    in_time(so(None)).await;
    drop(laptop.delivering);
    in_time(so(Some(13))).await;
    assert_eq!(laptop.deliveries.requests("u2"), None);
    laptop.deliveries.keep_requests(&["u2".to_owned()].into());
    assert_eq!(laptop.deliveries.requests("u1"), None, "it is over");
    drop(laptop.connection);
}

#[tokio::test]
async fn files_come_from_a_manager_that_has_an_agent() {
    let mut laptop = Laptop::new().await;
    let absent = |uid: &str| laptop.deliveries.files(uid, 2).err().map(|fault| fault.code);
    assert_eq!(absent("u1"), Some(Code::PodAbsent));
    let intercepted =
        |uid: &str, pods| Intercepted { uid: uid.to_owned(), number: FILES.0, pods, ..Default::default() };
    let pods = vec![InterceptedPod { name: "web-a".to_owned(), ..InterceptedPod::default() }];
    let intercepts = vec![intercepted("u1", pods), intercepted("u2", Vec::new())];
    laptop.list.send_replace(InterceptList { intercepts });
    in_time(laptop.changes.wait_for(|_| !laptop.deliveries.pods("u1").is_empty())).await.unwrap();
    let absent = |uid: &str| laptop.deliveries.files(uid, 2).err().map(|fault| fault.code);
    assert_eq!(absent("u2"), Some(Code::PodAbsent), "no agent of it is there");

    let mut files = laptop.deliveries.files("u1", 2).unwrap();
    files.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    in_time(files.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"ping");
    let mut others = laptop.deliveries.files("u1", 1).unwrap();
    assert_eq!(in_time(others.read(&mut heard)).await.unwrap(), 0, "another container has none");

    drop(laptop.delivering);
    drop(laptop.connection);
    assert_eq!(in_time(files.read(&mut heard)).await.unwrap(), 0, "they end with the link");
}
