//! The whole machine against a pretended host, with time that jumps.

use std::sync::Arc;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use tokio::sync::{RwLock, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::pretend::{Link, Pretend, cluster, id, target};
use super::*;
use crate::placement::{Disposition, Source};
use crate::plane::Role;
use crate::store::desired::{Routing, Wish};

struct Running {
    host: Arc<Pretend>,
    status: watch::Receiver<Status>,
    stopper: Stopper,
    reroutes: mpsc::Sender<Reroute>,
    task: JoinHandle<()>,
}

fn start(host: Pretend, origin: Origin) -> Running {
    let host = Arc::new(host);
    let (stopper, stop) = Stop::pair();
    let (sender, status) = watch::channel(Status::new());
    let (reroutes, asked) = mpsc::channel(crate::limits::REROUTES);
    let context = Context {
        wish: Wish { id: id(1000, "shop"), target: target("192.0.2.1:7300"), index: 0 },
        routing: Arc::default(),
        reroutes: tokio::sync::Mutex::new(asked),
        host: Arc::clone(&host),
        plane: Arc::new(RwLock::new(None)),
        stop,
        status: sender,
        changes: watch::Sender::new(0),
    };
    let task = tokio::spawn(run(Connecting { origin }, context));
    Running { host, status, stopper, reroutes, task }
}

impl Running {
    /// Waits for a phase; time is virtual, so the bound costs nothing.
    async fn reach(&mut self, what: &str, phase: impl Fn(&Phase) -> bool) -> Status {
        let reached = self.status.wait_for(|status| phase(&status.phase));
        match timeout(Duration::from_secs(60), reached).await {
            Ok(Ok(status)) => status.clone(),
            Ok(Err(_)) => panic!("ended instead of {what}"),
            Err(_) => panic!("never {what}"),
        }
    }

    async fn connected(&mut self) -> Status {
        self.reach("connected", |phase| *phase == Phase::Connected).await
    }

    async fn reconnecting(&mut self) -> Status {
        self.reach("reconnecting", |phase| matches!(phase, Phase::Reconnecting(_))).await
    }

    async fn failed(&mut self) -> Status {
        self.reach("failed", |phase| matches!(phase, Phase::Failed(_))).await
    }

    /// Waits for the end and says what it was.
    async fn ended(self) -> Phase {
        timeout(Duration::from_secs(60), self.task).await.unwrap().unwrap();
        self.status.borrow().phase.clone()
    }

    /// Asks for other subnets and waits for the answer.
    async fn reroute(&self, also: &[&str], never: &[&str]) -> Result<(), Fault> {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let (reply, answer) = oneshot::channel();
        let routing = Routing { also: nets(also), never: nets(never) };
        self.reroutes.send(Reroute { routing, reply }).await.unwrap();
        timeout(Duration::from_secs(60), answer).await.unwrap().unwrap()
    }

    fn subnets(&self) -> Vec<String> {
        self.status.borrow().cluster.iter().flat_map(|cluster| &cluster.subnets).map(ToString::to_string).collect()
    }

    async fn stopped(self) -> Phase {
        self.stopper.stop();
        self.ended().await
    }
}

fn code(phase: &Phase) -> Option<Code> {
    match phase {
        Phase::Reconnecting(cause)
        | Phase::Failed(cause)
        | Phase::NeedsLogin(cause)
        | Phase::Disconnected(Some(cause)) => Some(cause.code),
        _ => None,
    }
}

const MADE: [&str; 2] = ["start hawser0 198.18.0.1", "bring up hawser0"];
const LINKED: [&str; 6] =
    ["ways", "link", "check", "route hawser0 +[10.96.0.0/16] -[]", "names to 198.18.0.53", "ask hawser0.hawser-probe"];
const TAKEN_DOWN: [&str; 3] = ["withdraw names", "stop", "leave"];

#[tokio::test(start_paused = true)]
async fn connects_and_takes_everything_down() {
    let mut running = start(Pretend::default(), Origin::Asked);
    let status = running.connected().await;
    assert_eq!(running.host.take_done(), [MADE.as_slice(), LINKED.as_slice()].concat());
    let device = status.device.unwrap();
    assert_eq!(device.name, "hawser0");
    assert_eq!(device.addresses.len(), 2);
    assert_eq!(status.cluster.unwrap().subnets.len(), 1);
    assert_eq!(status.step, "");

    let host = Arc::clone(&running.host);
    assert_eq!(running.stopped().await, Phase::Disconnected(None));
    assert_eq!(host.take_done(), TAKEN_DOWN);
}

#[tokio::test(start_paused = true)]
async fn waits_for_a_login_and_goes_on() {
    let host = Pretend::default();
    host.fail("ways", Code::LoginRequired);
    let mut running = start(host, Origin::Asked);
    let status = running.reach("needs a login", |phase| matches!(phase, Phase::NeedsLogin(_))).await;
    assert_eq!(code(&status.phase), Some(Code::LoginRequired));
    assert!(status.device.is_some() && status.cluster.is_none());
    running.host.mend();
    running.connected().await;
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_cluster_is_routed_anew() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    running.host.take_done();
    running.host.change_cluster(cluster(&["10.96.0.0/16", "10.244.1.0/24"]));
    let status =
        running.status.wait_for(|status| status.cluster.as_ref().is_some_and(|cluster| cluster.subnets.len() == 2));
    timeout(Duration::from_secs(5), status).await.unwrap().unwrap();
    let done = running.host.take_done();
    assert!(done.iter().any(|step| step.starts_with("route hawser0 +[10.96.0.0/16, 10.244.1.0/24]")), "{done:?}");
    assert!(!done.iter().any(|step| step == "link"), "{done:?}");
    running.stopped().await;
}

/// What each failure of a first connect leaves: nothing on the host, no wish, and the cause.
#[tokio::test(start_paused = true)]
async fn failed_first_connect_leaves_nothing() {
    for (step, given, lasting) in [
        ("start", Code::TunUnavailable, true),
        ("bring-up", Code::NetworkChange, true),
        ("link", Code::ManagerUnreachable, false),
        ("link", Code::TlsFailed, false),
        ("link", Code::PinMismatch, true),
        ("link", Code::VersionMismatch, true),
        ("link", Code::ManagerRefused, true),
        ("check", Code::SubnetConflict, true),
        ("route", Code::NetworkChange, true),
        ("names", Code::StateUnwritable, true),
    ] {
        let host = Pretend::default();
        match step {
            "link" => host.next_link(Link::Fault(given)),
            _ => host.fail(step, given),
        }
        let mut running = start(host, Origin::Asked);
        let host = Arc::clone(&running.host);
        let phase = if lasting {
            let status = running.failed().await;
            assert_eq!((status.device, status.cluster), (None, None), "{step}");
            assert_eq!(running.stopped().await, Phase::Disconnected(None));
            status.phase
        } else {
            running.ended().await
        };
        assert_eq!(code(&phase), Some(given), "{step}");
        let done = host.take_done();
        assert!(done.contains(&"forget".to_owned()), "{step}: {done:?}");
        assert_eq!(done.contains(&MADE[0].to_owned()), done.contains(&"stop".to_owned()), "{step}: {done:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn silent_resolver_does_not_withhold_the_connection() {
    let host = Pretend::default();
    host.fail("ask", Code::DnsUnavailable);
    start(host, Origin::Asked).connected().await;
}

#[tokio::test(start_paused = true)]
async fn names_that_stop_resolving_are_told_and_so_is_that_they_do_again() {
    let mut running = start(Pretend::default(), Origin::Asked);
    assert!(running.connected().await.troubles.is_empty());
    running.host.fail("ask", Code::DnsBypassed);
    running.host.look();
    let mut status = running.status.clone();
    let troubled = status.wait_for(|status| !status.troubles.is_empty()).await.unwrap().clone();
    assert_eq!(
        (troubled.phase, troubled.troubles[&status::Trouble::Names].code),
        (Phase::Connected, Code::DnsBypassed)
    );
    running.host.mend();
    running.host.look();
    status.wait_for(|status| status.troubles.is_empty()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn comes_back_within_a_second_of_the_manager() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    host.take_done();
    for _ in 0..20 {
        host.next_link(Link::Fault(Code::ManagerUnreachable));
    }
    host.lose_link(Code::LinkSilent);
    let status = running.reconnecting().await;
    assert_eq!(code(&status.phase), Some(Code::LinkSilent));
    assert!(status.device.is_some() && status.cluster.is_some(), "device and routes stay");
    let lost = Instant::now();
    let back = running.connected().await;
    assert!(lost.elapsed() > Duration::from_secs(10) && lost.elapsed() < Duration::from_secs(20));
    assert!(back.since >= status.since);
    let done = host.take_done();
    assert_eq!(done[..40], ["ways", "link"].repeat(20));
    assert_eq!(done[40..], LINKED);
}

#[tokio::test(start_paused = true)]
async fn first_redial_is_at_once_and_a_long_attempt_needs_no_wait() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    running.host.next_link(Link::Silence);
    running.host.next_link(Link::Silence);
    running.host.lose_link(Code::LinkLost);
    running.reconnecting().await;
    let lost = Instant::now();
    running.connected().await;
    assert_eq!(lost.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn other_cluster_after_reconnecting_is_routed_by_its_difference() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    running.host.take_done();
    running.host.next_link(Link::Fault(Code::ManagerUnreachable));
    running.host.next_link(Link::Cluster(Box::new(cluster(&["10.97.0.0/16", "10.98.0.0/16"]))));
    running.host.lose_link(Code::LinkLost);
    running.reconnecting().await;
    let status = running.connected().await;
    assert_eq!(status.cluster.unwrap().subnets.len(), 2);
    let done = running.host.take_done();
    assert!(done.contains(&"route hawser0 +[10.97.0.0/16, 10.98.0.0/16] -[10.96.0.0/16]".to_owned()), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn lasting_fault_while_reconnecting_is_retried_slowly() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    host.next_link(Link::Fault(Code::PinMismatch));
    host.next_link(Link::Fault(Code::VersionMismatch));
    // Twice: only a wait between two attempts lets anybody see the state in between.
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.lose_link(Code::LinkLost);
    let status = running.failed().await;
    assert!(status.device.is_some(), "device and routes stay");
    let failed = Instant::now();
    let again = running.reach("failed again", |phase| code(phase) == Some(Code::VersionMismatch)).await;
    assert_eq!(again.since, status.since);
    running.reach("reconnecting", |phase| code(phase) == Some(Code::ManagerUnreachable)).await;
    assert_eq!(failed.elapsed().as_secs(), 20);
    running.connected().await;
}

#[tokio::test(start_paused = true)]
async fn restored_connection_does_not_give_up() {
    let host = Pretend::default();
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Fault(Code::PinMismatch));
    let mut running = start(host, Origin::Restored);
    assert_eq!(code(&running.reconnecting().await.phase), Some(Code::ManagerUnreachable));
    running.failed().await;
    running.connected().await;
    assert!(!running.host.take_done().contains(&"forget".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn restored_connection_waits_for_its_device() {
    let host = Pretend::default();
    host.fail("bring-up", Code::NetworkChange);
    let mut running = start(host, Origin::Restored);
    assert_eq!(running.failed().await.device, None);
    running.host.mend();
    running.connected().await;
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_the_machine_is_looked_into_at_once() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    host.take_done();
    host.set_routed(&["10.96.1.0/24"]);
    host.happen("a route by docker0 came");
    let status = running.status.wait_for(|status| !status.troubles.is_empty()).await.unwrap().clone();
    assert_eq!(status.phase, Phase::Connected, "what it does not touch goes on");
    assert_eq!(status.troubles.values().map(|fault| fault.code).collect::<Vec<_>>(), [Code::SubnetConflict]);
    assert_eq!(status.placements[0].disposition, Disposition::Conflict);
    assert_eq!(host.take_done(), ["doubt: a route by docker0 came", "check"]);
    host.set_routed(&[]);
    host.happen("a route by docker0 went");
    let status = running.status.wait_for(|status| status.troubles.is_empty()).await.unwrap().clone();
    assert_eq!(status.placements[0].disposition, Disposition::Routed);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_comes_later_leaves_the_rest_to_follow_the_cluster() {
    let mut running = start(Pretend::default(), Origin::Asked);
    let since = running.connected().await.since;
    let host = Arc::clone(&running.host);
    host.set_routed(&["10.96.1.0/24", "10.99.0.0/16"]);
    host.happen("a route by tun0 came");
    let mut status = running.status.clone();
    status.wait_for(|status| !status.troubles.is_empty()).await.unwrap();
    host.take_done();
    // A namespace, or a node, came.
    host.change_cluster(cluster(&["10.96.0.0/16", "10.99.0.0/16", "10.244.1.0/24"]));
    let changed = status.wait_for(|status| status.placements.len() > 2);
    let changed = timeout(Duration::from_secs(5), changed).await.unwrap().unwrap().clone();
    let troubles = |status: &Status| status.troubles.values().map(|fault| fault.code).collect::<Vec<_>>();
    assert_eq!(troubles(&changed), [Code::SubnetConflict]);
    status.wait_for(|status| status.step.is_empty()).await.unwrap();
    assert_eq!(running.subnets(), ["10.96.0.0/16", "10.244.1.0/24"]);
    assert_eq!(host.take_done()[..2], ["check", "route hawser0 +[10.244.1.0/24] -[]"], "what is in conflict stays");
    // So it is after the link was replaced.
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/16", "10.99.0.0/16", "10.244.1.0/24"]))));
    host.lose_link(Code::LinkLost);
    running.reconnecting().await;
    assert_eq!(troubles(&running.connected().await), [Code::SubnetConflict]);
    assert_eq!(running.subnets(), ["10.96.0.0/16", "10.244.1.0/24"]);
    // What was left out is routed as soon as it is free.
    host.set_routed(&[]);
    host.happen("a route by tun0 went");
    let freed = status.wait_for(|status| status.troubles.is_empty() && status.phase == Phase::Connected);
    let freed = timeout(Duration::from_secs(5), freed).await.unwrap().unwrap().clone();
    assert!(freed.since >= since);
    let is_routed = |status: &Status| status.cluster.as_ref().is_some_and(|cluster| cluster.subnets.len() == 3);
    timeout(Duration::from_secs(5), status.wait_for(is_routed)).await.unwrap().unwrap();
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn the_way_to_the_cluster_is_kept_free_when_it_leads_over_another_address() {
    let host = Pretend::default();
    host.set_carriers(&["10.96.0.1"]);
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/30", "10.97.0.0/16"]))));
    let mut running = start(host, Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    assert_eq!(running.subnets(), ["10.96.0.0/32", "10.96.0.2/31", "10.97.0.0/16"]);
    host.take_done();
    let mut status = running.status.clone();
    let mut follows = async |expected: &[&str]| {
        let is_so = |status: &Status| {
            let subnets = status.cluster.iter().flat_map(|cluster| &cluster.subnets);
            subnets.map(ToString::to_string).eq(expected.iter().copied())
        };
        let waited = Instant::now();
        timeout(Duration::from_secs(600), status.wait_for(is_so)).await.unwrap().unwrap();
        waited.elapsed()
    };
    host.set_carriers(&["10.96.0.2"]);
    host.happen("other name servers are asked");
    let took = follows(&["10.96.0.0/32", "10.96.0.3/32", "10.97.0.0/16"]).await;
    assert!(took < Duration::from_secs(1), "{took:?}: the present link still leads over the former address");
    let routed = "route hawser0 +[10.96.0.3/32] -[10.96.0.2/31]";
    assert_eq!(host.take_done(), ["doubt: other name servers are asked", "check", routed]);
    // Nobody says that it moves again.
    host.set_carriers(&["10.96.0.3"]);
    let took = follows(&["10.96.0.0/32", "10.96.0.2/32", "10.97.0.0/16"]).await;
    assert!(took <= crate::limits::LOOK_AROUND, "{took:?}");
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/30", "10.97.0.0/16"]))));
    host.lose_link(Code::LinkLost);
    running.reconnecting().await;
    running.connected().await;
    assert_eq!(running.subnets(), ["10.96.0.0/31", "10.96.0.2/32", "10.97.0.0/16"]);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn the_way_back_leads_over_an_address_that_came_while_there_was_none() {
    for lasting in [false, true] {
        let host = Pretend::default();
        host.set_carriers(&["10.96.0.1"]);
        let mut running = start(host, Origin::Asked);
        running.connected().await;
        let host = Arc::clone(&running.host);
        if lasting {
            host.next_link(Link::Fault(Code::PinMismatch));
            host.lose_link(Code::LinkLost);
            running.failed().await;
        } else {
            host.next_link(Link::Silence);
            host.lose_link(Code::LinkLost);
            running.reconnecting().await;
        }
        host.set_carriers(&["10.96.7.7"]);
        running.connected().await;
        running.stopped().await;
    }
}

#[tokio::test(start_paused = true)]
async fn news_does_not_keep_a_slow_dial_from_its_end() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    host.take_done();
    host.next_link(Link::Slow(Duration::from_secs(4)));
    for _ in 0..40 {
        host.next_link(Link::Silence);
    }
    host.lose_link(Code::LinkSilent);
    running.reconnecting().await;
    let lost = Instant::now();
    let mut most = 0;
    let connected = async {
        let mut gaps = tokio::time::interval(Duration::from_millis(700));
        loop {
            gaps.tick().await;
            host.happen(&format!("a route by docker0 came {:?}", lost.elapsed()));
            most = most.max(host.dialling());
        }
    };
    tokio::select! {
        () = connected => {}
        _ = running.status.wait_for(|status| status.phase == Phase::Connected) => {}
    }
    assert_eq!(lost.elapsed().as_secs(), 4);
    assert_eq!(most, crate::limits::DIALS);
    let dialled = host.take_done().iter().filter(|step| *step == "ways").count();
    assert!(dialled <= 5, "{dialled} dials in 4 s");
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_network_that_comes_ends_the_wait() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    for _ in 0..2 {
        host.next_link(Link::Silence);
    }
    host.lose_link(Code::LinkSilent);
    running.reach("reconnecting", |phase| matches!(phase, Phase::Reconnecting(_))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let came = Instant::now();
    host.happen("the network device wlan0 came up");
    host.happen("an address of wlan0 came");
    tokio::time::sleep(Duration::from_millis(600)).await;
    host.happen("a route by wlan0 came");
    running.connected().await;
    assert!(came.elapsed() < Duration::from_secs(3), "{:?}", came.elapsed());
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn dead_data_plane_is_made_again() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    running.host.take_done();
    running.host.kill_plane();
    assert_eq!(code(&running.failed().await.phase), Some(Code::Internal));
    running.connected().await;
    let done = running.host.take_done();
    assert_eq!(done, [TAKEN_DOWN.as_slice(), MADE.as_slice(), LINKED.as_slice()].concat());
}

#[tokio::test(start_paused = true)]
async fn stop_is_heard_in_every_state() {
    // Dialling.
    let host = Pretend::default();
    host.next_link(Link::Silence);
    let mut running = start(host, Origin::Asked);
    running.status.wait_for(|status| status.step.starts_with("dialling")).await.unwrap();
    let asked = Instant::now();
    assert_eq!(running.stopped().await, Phase::Disconnected(None));
    assert_eq!(asked.elapsed(), Duration::ZERO);

    // Between two redials, and failed with a device and without.
    for links in [vec![Code::ManagerUnreachable; 40], vec![Code::PinMismatch]] {
        let host = Pretend::default();
        links.into_iter().for_each(|code| host.next_link(Link::Fault(code)));
        let mut running = start(host, Origin::Restored);
        running.reach("trouble", |phase| code(phase).is_some()).await;
        let host = Arc::clone(&running.host);
        assert_eq!(running.stopped().await, Phase::Disconnected(None));
        let done = host.take_done();
        assert_eq!(done[done.len() - TAKEN_DOWN.len()..], TAKEN_DOWN);
    }
    let host = Pretend::default();
    host.fail("start", Code::TunUnavailable);
    let mut running = start(host, Origin::Restored);
    running.failed().await;
    assert_eq!(running.stopped().await, Phase::Disconnected(None));
}

#[tokio::test(start_paused = true)]
async fn what_a_manager_announces_is_bounded() {
    let mut many = cluster(&[]);
    many.subnets = (0..=crate::limits::SUBNETS as u32)
        .map(|n| crate::address::host_net((0x0a00_0000 + n).to_be_bytes()))
        .collect();
    let mut names = cluster(&[]);
    names.names.domains = vec!["demo.local".to_owned(); crate::limits::DOMAINS + 1];
    for (announced, expected) in [
        (cluster(&["0.0.0.0/0"]), Code::SubnetInvalid),
        (cluster(&["127.0.0.0/8"]), Code::SubnetInvalid),
        (many, Code::LimitReached),
        (names, Code::LimitReached),
    ] {
        let host = Pretend::default();
        host.next_link(Link::Cluster(Box::new(announced)));
        let status = start(host, Origin::Asked).failed().await;
        assert_eq!(code(&status.phase), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_leaves_is_replaced_while_connected() {
    let mut running = start(Pretend::default(), Origin::Asked);
    let since = running.connected().await.since;
    let host = Arc::clone(&running.host);
    host.take_done();
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/16", "10.244.1.0/24"]))));
    host.replace_link(Role::Base);
    let status =
        running.status.wait_for(|status| status.cluster.as_ref().is_some_and(|cluster| cluster.subnets.len() == 2));
    timeout(Duration::from_secs(5), status).await.unwrap().unwrap();
    assert_eq!(running.status.borrow().since, since, "it was connected all the time");
    assert_eq!(host.take_done()[..4], ["ways", "link", "ways", "link"]);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_better_way_is_looked_for_again_and_again() {
    let host = Pretend::default();
    host.set_direct();
    host.fail("upgrade", Code::ManagerUnreachable);
    let mut running = start(host, Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    let upgrades = async |seconds| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        host.take_done().iter().filter(|step| *step == "upgrade").count()
    };
    assert_eq!(upgrades(15).await, 4, "at 0, 2, 6 and 14 s");
    host.mend();
    assert_eq!(upgrades(150).await, 1);
    host.replace_link(Role::Direct);
    assert_eq!(upgrades(2).await, 1);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_host_reaches_by_itself_is_left_alone() {
    let host = Pretend::default();
    host.set_near("10.244.0.7");
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/16", "10.244.0.0/16"]))));
    let mut running = start(host, Origin::Asked);
    let cluster = running.connected().await.cluster.unwrap();
    assert_eq!(cluster.subnets, ["10.96.0.0/16".parse().unwrap()]);
    assert_eq!(cluster.left_alone, ["10.244.0.0/16".parse().unwrap()]);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn other_subnets_are_routed_over_the_same_link() {
    let mut running = start(Pretend::default(), Origin::Asked);
    let since = running.connected().await.since;
    let host = Arc::clone(&running.host);
    host.take_done();
    running.reroute(&["10.1.0.0/16"], &["10.96.128.0/17"]).await.unwrap();
    assert_eq!(
        host.take_done(),
        [
            "check",
            "route hawser0 +[10.1.0.0/16, 10.96.0.0/17] -[10.96.0.0/16]",
            "keep +[10.1.0.0/16] -[10.96.128.0/17]"
        ]
    );
    assert_eq!(running.subnets(), ["10.1.0.0/16", "10.96.0.0/17"]);
    let status = running.status.borrow().clone();
    let sources: Vec<_> = status.placements.iter().map(|placement| placement.source).collect();
    assert_eq!(sources, [Source::NeverProxy, Source::AlsoProxy, Source::Cluster]);
    assert_eq!((status.since, status.phase, status.step.as_str()), (since, Phase::Connected, ""));

    // They hold for what the manager says later, and can be taken back.
    host.change_cluster(cluster(&["10.97.0.0/16"]));
    let changed = running.status.wait_for(|status| {
        status.cluster.as_ref().is_some_and(|cluster| cluster.subnets.contains(&"10.97.0.0/16".parse().unwrap()))
    });
    timeout(Duration::from_secs(5), changed).await.unwrap().unwrap();
    assert_eq!(running.subnets(), ["10.1.0.0/16", "10.97.0.0/16"]);
    running.reroute(&[], &[]).await.unwrap();
    assert_eq!(running.subnets(), ["10.97.0.0/16"]);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_routed_leaves_everything_as_it_was() {
    let host = Pretend::default();
    host.set_routed(&["172.17.0.0/16"]);
    let mut running = start(host, Origin::Asked);
    let before = running.connected().await;
    let host = Arc::clone(&running.host);
    let code = |outcome: Result<(), Fault>| outcome.unwrap_err().code;
    host.take_done();
    assert_eq!(code(running.reroute(&["172.16.0.0/12"], &[]).await), Code::SubnetConflict);
    assert_eq!(host.take_done(), ["check"]);
    let back = "route hawser0 +[10.96.0.0/16] -[10.1.0.0/16]";
    host.fail("keep", Code::StateUnwritable);
    assert_eq!(code(running.reroute(&["10.1.0.0/16"], &[]).await), Code::StateUnwritable);
    assert_eq!(host.take_done(), ["check", "route hawser0 +[10.1.0.0/16, 10.96.0.0/16] -[]", back]);
    host.mend();
    host.fail("route", Code::NetworkChange);
    assert_eq!(code(running.reroute(&["10.1.0.0/16"], &[]).await), Code::NetworkChange);
    host.mend();
    assert_eq!(*running.status.borrow(), before);
    // Neither is anything of it left for later.
    host.take_done();
    running.reroute(&[], &[]).await.unwrap();
    assert_eq!(host.take_done()[1], "route hawser0 +[10.96.0.0/16] -[]");
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_connection_tries_other_subnets_at_once() {
    let host = Pretend::default();
    host.set_routed(&["10.96.1.0/24", "10.96.2.0/24"]);
    let mut running = start(host, Origin::Restored);
    let status = running.failed().await;
    assert_eq!(code(&status.phase), Some(Code::SubnetConflict));
    let conflicts: Vec<(String, &str)> = status
        .placements
        .iter()
        .filter(|placement| placement.disposition == Disposition::Conflict)
        .map(|placement| (placement.route.unwrap().to_string(), placement.owner.as_str()))
        .collect();
    assert_eq!(conflicts, [("10.96.1.0/24".to_owned(), "Docker"), ("10.96.2.0/24".to_owned(), "Docker")]);
    let asked = Instant::now();
    running.reroute(&[], &["10.96.0.0/22"]).await.unwrap();
    assert!(
        !matches!(running.status.borrow().phase, Phase::Failed(_)),
        "whoever connects again waits for what comes of it"
    );
    running.connected().await;
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert!(running.status.borrow().placements.iter().all(|one| one.disposition != Disposition::Conflict));
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn what_kept_a_first_connect_from_being_is_still_shown() {
    let host = Pretend::default();
    host.set_routed(&["10.96.1.0/24"]);
    let mut running = start(host, Origin::Asked);
    let status = running.failed().await;
    assert_eq!(status.device, None);
    assert_eq!(status.placements.len(), 1);
    assert_eq!(status.placements[0].device, "docker0");
    running.stopped().await;
}
