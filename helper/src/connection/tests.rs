//! The whole machine against a pretended host, with time that jumps.

mod around;
mod subnets;

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
