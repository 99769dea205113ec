use std::time::Instant;

use hawser_api::WorkloadKind;
use hawser_fault::Code;
use hawser_tunnel::identity::Identity;
use tokio::net::TcpListener;

use super::*;

const PORT: Port = Port { number: 8080, udp: false };

fn behind(name: &str, guarded: bool) -> Behind {
    Behind { name: name.to_owned(), uid: format!("uid of {name}"), guarded }
}

fn door(address: Option<SocketAddr>, pods: Vec<Behind>) -> Door {
    Door { service: Some("web".to_owned()), pods, address, port: PORT }
}

fn carried() -> Carried {
    Carried {
        name: "web".to_owned(),
        namespace: "shop".to_owned(),
        uid: "u".to_owned(),
        user: "ann".to_owned(),
        laptop: Identity::generate().unwrap().pin(),
        workload: (WorkloadKind::Deployment, "web".to_owned()),
        container: "app".to_owned(),
        copy: false,
        ports: Vec::new(),
        http: None,
    }
}

/// What is found of this door with these agents linked.
async fn found(attempt: Attempt, linked: &[&str]) -> Trial {
    let linked = linked.iter().map(|name| format!("uid of {name}")).collect();
    let outcome = attempt.outcome(&linked).await;
    verdict::told(&attempt.door, outcome, &carried())
}

/// A server that reads 32 bytes and then says what it is told to.
async fn server(say: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 32];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(&say(asked)).await.unwrap();
    });
    address
}

/// An attempt at a server that says of this pod's agent what `linked` says of the laptop.
async fn answered(pod: &'static str, linked: u8) -> Attempt {
    let nowhere = door(None, vec![behind("web-0", true), behind("web-1", true)]);
    let mut attempt = Attempt::new(nowhere).unwrap();
    let (ask, mut answer) = (attempt.ask, attempt.answers[&format!("uid of {pod}")].to_vec());
    answer.push(linked);
    let address = server(move |asked| {
        assert_eq!(asked, ask);
        answer
    });
    attempt.door.address = Some(address.await);
    attempt
}

#[tokio::test]
async fn an_agent_is_known_by_its_answer() {
    let trial = found(answered("web-1", 1).await, &["web-0", "web-1"]).await;
    assert_eq!((trial.service.as_str(), trial.pod.as_str(), trial.code.as_str()), ("web", "web-1", ""));
    let trial = found(answered("web-0", 0).await, &["web-0", "web-1"]).await;
    assert!(trial.pod == "web-0" && trial.detail.contains("no way to this laptop"), "{trial:?}");
}

#[tokio::test]
async fn nothing_is_sent_where_somebody_might_get_it_who_does_not_know_it() {
    let trial = found(answered("web-0", 1).await, &["web-0"]).await;
    assert!(trial.detail.contains("agent of the pod web-1 is not linked"), "{trial:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let foreign = door(Some(address), vec![behind("web-0", true), behind("other", false)]);
    let trial = found(Attempt::new(foreign).unwrap(), &["web-0", "other"]).await;
    assert!(trial.detail.contains("also leads to the pod other"), "{trial:?}");
    let bare = Door { service: None, ..door(Some(address), vec![behind("web-0", false)]) };
    let trial = found(Attempt::new(bare).unwrap(), &["web-0"]).await;
    assert!(trial.pod == "web-0" && trial.detail.contains("no agent before port 8080"), "{trial:?}");
    assert!(timeout(limits::TRIAL / 4, listener.accept()).await.is_err(), "somebody came");
}

#[tokio::test]
async fn who_else_answers_is_not_believed() {
    let says: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |asked| [asked, vec![1]].concat(),
        |_| b"HTTP/1.1 400 Bad Request\r\nServer: envoy\r\n\r\n".to_vec(),
        |_| Vec::new(),
    ];
    for say in says {
        let attempt = Attempt::new(door(Some(server(say).await), vec![behind("web-0", true)])).unwrap();
        let trial = found(attempt, &["web-0"]).await;
        assert!(trial.detail.contains("something else than the agent"), "{trial:?}");
        assert_eq!(trial.code, Code::ReplicaUnreached.as_str());
        assert!(!trial.fix.is_empty());
    }
}

#[tokio::test]
async fn nobody_there_is_told_from_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let at = |address| Attempt::new(door(address, vec![behind("web-0", true)])).unwrap();
    let began = Instant::now();
    let trial = found(at(Some(address)), &["web-0"]).await;
    assert!(trial.detail.contains("does not answer the manager within a second"), "{trial:?}");
    assert!(began.elapsed() < 2 * limits::TRIAL);
    drop(listener);
    assert!(found(at(Some(address)), &["web-0"]).await.detail.contains("takes no connection"));
    assert!(found(at(None), &["web-0"]).await.detail.contains("leads to no pod that is ready"));
    let empty = Attempt::new(door(Some(address), Vec::new())).unwrap();
    assert!(found(empty, &[]).await.detail.contains("leads to no pod that is ready"));
}

#[tokio::test]
async fn datagrams_are_tried_as_datagrams() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = Port { udp: true, ..PORT };
    let door = Door { port, ..door(Some(server.local_addr().unwrap()), vec![behind("web-0", true)]) };
    let attempt = Attempt::new(door).unwrap();
    let mut answer = attempt.answers["uid of web-0"].to_vec();
    answer.push(1);
    let answering = async {
        let mut asked = [0; 64];
        let (length, from) = server.recv_from(&mut asked).await.unwrap();
        assert_eq!(&asked[..length], attempt.ask);
        server.send_to(&answer, from).await.unwrap();
    };
    let linked = ["uid of web-0".to_owned()].into();
    let (outcome, ()) = tokio::join!(attempt.outcome(&linked), answering);
    assert!(matches!(outcome, Outcome::Answered(pod, true) if pod == "uid of web-0"));
}

#[tokio::test]
async fn agents_are_told_for_as_long_as_it_goes_on() {
    let exchange = Exchange::default();
    let attempt = Attempt::new(door(None, vec![behind("web-0", true), behind("web-1", true)])).unwrap();
    let ask = attempt.ask;
    let pod = |name: &str| super::super::Pod {
        is_replaced: false,
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: format!("uid of {name}"),
        address: String::new(),
        workloads: Vec::new(),
    };
    let posted = exchange.post(expected(&[attempt], "u"));
    let (one, other) = (exchange.orders(&pod("web-0")), exchange.orders(&pod("web-1")));
    assert_eq!((one.proofs_posted, one.proofs.len()), (posted.number, 1));
    assert_eq!((one.proofs[0].ask.as_slice(), one.proofs[0].port), (ask.as_slice(), 8080));
    assert_ne!(one.proofs[0].answer, other.proofs[0].answer, "each has an answer of its own");
    assert_eq!(exchange.orders(&pod("job-0")).proofs, Vec::new());
    assert!(exchange.heard(&posted).await.is_empty(), "no agent is linked");
    drop(posted);
    let over = exchange.orders(&pod("web-0"));
    assert_eq!((over.proofs_posted, over.proofs), (0, Vec::new()));
}
