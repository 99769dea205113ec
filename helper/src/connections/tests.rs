//! Several users and connections on a pretended host.

use std::path::PathBuf;
use std::sync::Arc;

use hawser_fault::Code;
use parking_lot::Mutex;

use super::*;
use crate::connection::pretend::{Link, Pretend, id, target};

struct Helper {
    dir: tempfile::TempDir,
    host: Arc<Pretend>,
    connections: Arc<Connections<Pretend>>,
}

impl Helper {
    fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap())
    }

    fn in_dir(dir: tempfile::TempDir) -> Self {
        let desired = Arc::new(Mutex::new(Desired::load(dir.path().join("desired.json"))));
        let host = Arc::new(Pretend::forgetting(Arc::clone(&desired)));
        let connections = Connections::new(Arc::clone(&host), desired);
        Self { dir, host, connections }
    }

    async fn connect(&self, owner: u32, name: &str, address: &str) -> Result<Phase, Fault> {
        self.connect_to(owner, name, target(address)).await
    }

    async fn connect_to(&self, owner: u32, name: &str, target: Target) -> Result<Phase, Fault> {
        let mut followed = self.connections.connect(id(owner, name), target).await?;
        let waits = |phase: &Phase| matches!(phase, Phase::Connecting | Phase::Disconnecting);
        let status = followed.status.wait_for(|status| !waits(&status.phase)).await.unwrap();
        Ok(status.phase.clone())
    }

    fn kept(&self) -> Vec<(String, u16)> {
        let path: PathBuf = self.dir.path().join("desired.json");
        Desired::load(path).wishes().iter().map(|wish| (wish.id.name.clone(), wish.index)).collect()
    }
}

const MANAGER: &str = "192.0.2.1:7300";

#[tokio::test(start_paused = true)]
async fn each_connection_has_its_own_device() {
    let helper = Helper::new();
    helper.host.set_routed(&["198.18.1.0/24", "0.0.0.0/0"]);
    for (owner, name) in [(1000, "a"), (1000, "b"), (1001, "a")] {
        assert_eq!(helper.connect(owner, name, MANAGER).await, Ok(Phase::Connected));
    }
    let indices: Vec<u16> = helper.connections.views().iter().map(|view| view.wish.index).collect();
    assert_eq!(indices, [0, 2, 3]);
    helper.connections.disconnect(1000, "a").await.unwrap();
    assert_eq!(helper.connect(1002, "c", MANAGER).await, Ok(Phase::Connected));
    assert_eq!(helper.connections.view(&id(1002, "c")).unwrap().wish.index, 0);
}

#[tokio::test(start_paused = true)]
async fn same_target_is_a_no_op_and_another_is_refused() {
    let helper = Helper::new();
    helper.connect(1000, "a", MANAGER).await.unwrap();
    helper.host.take_done();
    assert_eq!(helper.connect(1000, "a", MANAGER).await, Ok(Phase::Connected));
    let fault = helper.connect(1000, "a", "192.0.2.2:7300").await.err().unwrap();
    assert_eq!(fault.code, Code::AlreadyConnected);
    assert!(helper.host.take_done().is_empty());
    assert_eq!(helper.kept(), [("a".to_owned(), 0)]);
}

fn never(net: &str) -> Routing {
    Routing { never: vec![net.parse().unwrap()], ..Routing::default() }
}

#[tokio::test(start_paused = true)]
async fn other_subnets_are_the_owners_to_choose_and_survive_a_restart() {
    let helper = Helper::new();
    helper.connect(1000, "a", MANAGER).await.unwrap();
    let reroute = async |caller, name, routing| {
        let rerouted = helper.connections.reroute(caller, name, routing).await;
        rerouted.map(|view| view.wish.target.routing()).map_err(|fault| fault.code)
    };
    let one = never("10.96.1.0/24");
    for (caller, name, expected) in [
        (1001, "a", Code::NotOwner),
        (0, "a", Code::NotOwner),
        (1001, "", Code::NotConnected),
        (1000, "b", Code::NotConnected),
    ] {
        assert_eq!(reroute(caller, name, one.clone()).await, Err(expected));
    }
    let own = Routing { also: vec!["127.0.0.0/8".parse().unwrap()], ..Routing::default() };
    assert_eq!(reroute(1000, "a", own).await, Err(Code::SubnetInvalid));
    assert_eq!(reroute(1000, "", one.clone()).await, Ok(one.clone()));
    assert_eq!(helper.connections.view(&id(1000, "a")).unwrap().wish.target.routing(), one);

    let helper = Helper::in_dir(helper.dir);
    helper.connections.restore();
    assert_eq!(helper.connections.view(&id(1000, "a")).unwrap().wish.target.routing(), one);
}

#[tokio::test(start_paused = true)]
async fn connecting_again_with_other_subnets_routes_them() {
    let helper = Helper::new();
    helper.connect(1000, "a", MANAGER).await.unwrap();
    helper.host.take_done();
    let with = |routing| target(MANAGER).routed(routing);
    assert_eq!(helper.connect_to(1000, "a", with(never("10.96.0.0/17"))).await, Ok(Phase::Connected));
    assert!(helper.host.take_done().contains(&"route hawser0 +[10.96.128.0/17] -[10.96.0.0/16]".to_owned()));
    assert_eq!(helper.connect(1000, "a", MANAGER).await, Ok(Phase::Connected));
    assert!(helper.host.take_done().is_empty(), "nothing was said of routes");
    helper.host.fail("keep", Code::StateUnwritable);
    let fault = helper.connect_to(1000, "a", with(never("10.96.0.0/18"))).await.unwrap_err();
    assert_eq!(fault.code, Code::StateUnwritable);
    assert_eq!(helper.connections.view(&id(1000, "a")).unwrap().wish.target.routing(), never("10.96.0.0/17"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_was_is_not_rerouted() {
    let helper = Helper::new();
    helper.host.next_link(Link::Fault(Code::PinMismatch));
    helper.connect(1000, "a", MANAGER).await.unwrap();
    let fault = helper.connections.reroute(1000, "a", never("10.96.0.0/17")).await.unwrap_err();
    assert_eq!(fault.code, Code::NotConnected);
}

#[tokio::test(start_paused = true)]
async fn lists_that_wait_are_bounded_and_given_up() {
    let helper = Helper::new();
    for _ in 0..20 {
        helper.host.next_link(Link::Silence);
    }
    let connections = Arc::clone(&helper.connections);
    let _followed = connections.connect(id(1000, "a"), target(MANAGER)).await.unwrap();
    let reroutes = (0..=limits::REROUTES).map(|_| connections.reroute(1000, "a", never("10.96.0.0/17")));
    let outcomes = futures_util::future::join_all(reroutes).await;
    let codes: Vec<Code> = outcomes.into_iter().map(|outcome| outcome.unwrap_err().code).collect();
    assert!(codes.contains(&Code::LimitReached), "{codes:?}");
    assert!(
        codes.iter().all(|code| matches!(code, Code::LimitReached | Code::NotConnected | Code::LinkSilent)),
        "{codes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn bad_requests_change_nothing() {
    let helper = Helper::new();
    let pinned = |pin: &str| Target::Standalone {
        address: MANAGER.to_owned(),
        pin: pin.to_owned(),
        also_proxy: Vec::new(),
        never_proxy: Vec::new(),
    };
    for (name, target, expected) in [
        ("", target(MANAGER), Code::BadArgument),
        ("a/b", target(MANAGER), Code::BadArgument),
        ("a", target("nowhere"), Code::BadArgument),
        ("a", pinned("sha256:12"), Code::KeyMalformed),
    ] {
        let fault = helper.connections.connect(id(1000, name), target).await.err().unwrap();
        assert_eq!(fault.code, expected);
    }
    helper.host.set_routed(&["198.18.0.0/15"]);
    assert_eq!(helper.connect(1000, "a", MANAGER).await.err().unwrap().code, Code::SubnetConflict);
    assert!(helper.connections.views().is_empty() && helper.kept().is_empty());
    assert!(helper.host.take_done().is_empty());
}

#[tokio::test(start_paused = true)]
async fn full_table_refuses() {
    let helper = Helper::new();
    for number in 0..limits::CONNECTIONS {
        helper.connect(1000, &format!("n{number}"), MANAGER).await.unwrap();
    }
    assert_eq!(helper.connect(1001, "more", MANAGER).await.err().unwrap().code, Code::LimitReached);
    helper.connections.disconnect(1000, "n3").await.unwrap();
    assert_eq!(helper.connect(1001, "more", MANAGER).await, Ok(Phase::Connected));
}

#[tokio::test(start_paused = true)]
async fn wish_that_cannot_be_kept_is_refused() {
    let helper = Helper::new();
    std::fs::remove_dir_all(helper.dir.path()).unwrap();
    assert_eq!(helper.connect(1000, "a", MANAGER).await.err().unwrap().code, Code::StateUnwritable);
    assert!(helper.connections.views().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_owner_and_root_end_a_connection() {
    let helper = Helper::new();
    helper.connect(1000, "a", MANAGER).await.unwrap();
    assert_eq!(helper.connections.disconnect(1001, "a").await.err().unwrap().code, Code::NotOwner);
    assert_eq!(helper.connections.disconnect(1001, "").await.err().unwrap().code, Code::NotConnected);
    assert_eq!(helper.kept().len(), 1);
    let own = |caller, name| helper.connections.own(caller, name).map(|view| view.wish.id).map_err(|fault| fault.code);
    assert_eq!(own(1000, ""), Ok(id(1000, "a")));
    assert_eq!((own(1001, ""), own(1001, "a")), (Err(Code::NotConnected), Err(Code::NotOwner)));
    assert_eq!((own(0, ""), own(0, "a")), (Err(Code::NotConnected), Err(Code::NotOwner)), "not even root");
    assert_eq!(helper.connections.flows(1001).await.len(), 0);
    for (caller, told) in [(1001, 0), (1000, 1), (0, 1)] {
        assert_eq!(helper.connections.queries(caller, &mut HashMap::new()).await.len(), told, "{caller}");
    }
    assert_eq!(helper.connections.flows(1000).await.len(), 1);
    helper.connections.disconnect(0, "a").await.unwrap();
    assert!(helper.kept().is_empty() && helper.connections.views().is_empty());
    assert_eq!(helper.connections.disconnect(1000, "a").await.err().unwrap().code, Code::NotConnected);
}

#[tokio::test(start_paused = true)]
async fn failed_connect_is_not_wanted_any_more_and_can_be_tried_again() {
    let helper = Helper::new();
    helper.host.next_link(Link::Fault(Code::ManagerUnreachable));
    let phase = helper.connect(1000, "a", MANAGER).await.unwrap();
    assert!(matches!(&phase, Phase::Disconnected(Some(cause)) if cause.code == Code::ManagerUnreachable));
    assert!(helper.kept().is_empty());
    assert_eq!(helper.connect(1000, "a", "192.0.2.2:7300").await, Ok(Phase::Connected));
    helper.connections.disconnect(1000, "a").await.unwrap();

    helper.host.next_link(Link::Fault(Code::PinMismatch));
    let phase = helper.connect(1000, "a", MANAGER).await.unwrap();
    assert!(matches!(&phase, Phase::Failed(cause) if cause.code == Code::PinMismatch));
    assert!(helper.kept().is_empty());
    assert_eq!(helper.connections.views().len(), 1, "it is shown until somebody acts");
    assert_eq!(helper.connect(1000, "a", MANAGER).await, Ok(Phase::Connected));
    assert_eq!(helper.kept(), [("a".to_owned(), 0)]);
}

#[tokio::test(start_paused = true)]
async fn killed_helper_comes_back_with_the_same_devices() {
    let helper = Helper::new();
    for name in ["a", "b", "c"] {
        helper.connect(1000, name, MANAGER).await.unwrap();
    }
    helper.connections.disconnect(1000, "a").await.unwrap();
    let before = helper.kept();

    let helper = Helper::in_dir(helper.dir);
    helper.host.set_routed(&["198.18.1.0/24"]);
    helper.host.next_link(Link::Fault(Code::ManagerUnreachable));
    helper.connections.restore();
    let mut changes = helper.connections.changes();
    let all_connected = |connections: &Connections<Pretend>| {
        let views = connections.views();
        views.len() == 2 && views.iter().all(|view| view.status.phase == Phase::Connected)
    };
    changes.wait_for(|_| all_connected(&helper.connections)).await.unwrap();
    let after: Vec<(String, u16)> =
        helper.connections.views().iter().map(|view| (view.wish.id.name.clone(), view.wish.index)).collect();
    assert_eq!(after, before);
    assert_eq!(helper.kept(), before);
}

#[tokio::test(start_paused = true)]
async fn stopped_helper_keeps_its_wishes_and_takes_no_more() {
    let helper = Helper::new();
    helper.connect(1000, "a", MANAGER).await.unwrap();
    helper.connections.close().await;
    assert!(helper.connections.views().is_empty());
    assert_eq!(helper.kept(), [("a".to_owned(), 0)]);
    assert_eq!(helper.connect(1000, "b", MANAGER).await.err().unwrap().code, Code::HelperUnreachable);
    assert_eq!(helper.kept(), [("a".to_owned(), 0)]);
}
