use std::time::Duration;

use futures_util::StreamExt as _;
use hawser_api::WorkloadKind;
use hawser_tunnel::agents::{Host as _, Orders};
use hawser_tunnel::identity::Identity;
use hawser_tunnel::proto::{HttpFilter, InterceptRequests, Registration};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::super::AgentHost;
use super::*;

fn pin() -> Pin {
    Identity::generate().unwrap().pin()
}

fn carried(uid: &str, laptop: Pin, workload: &str) -> Carried {
    Carried {
        name: workload.to_owned(),
        namespace: "shop".to_owned(),
        uid: uid.to_owned(),
        user: "ann".to_owned(),
        laptop,
        workload: (WorkloadKind::Deployment, workload.to_owned()),
        container: "app".to_owned(),
        copy: false,
        ports: Vec::new(),
        http: Some(HttpFilter::default()),
    }
}

/// A replica before which agents of the Deployment `web` prove themselves by the names of their pods.
fn host() -> AgentHost {
    let pod = |name: String| Pod {
        namespace: "shop".to_owned(),
        uid: format!("uid of {name}"),
        name,
        address: String::new(),
        workloads: vec![(WorkloadKind::Deployment, "web".to_owned())],
        is_replaced: false,
    };
    AgentHost {
        exchange: Arc::default(),
        review: Arc::new(move |token| Box::pin(std::future::ready(Ok(pod(token))))),
        stopping: watch::channel(false).1,
    }
}

/// An agent's connection.
struct Linked {
    reports: mpsc::Sender<AgentReport>,
    _orders: Orders,
}

impl Linked {
    async fn new(host: &AgentHost, pod: &str) -> Self {
        let registration = Registration { token: pod.to_owned(), ..Registration::default() };
        let known = host.admit(registration).await.unwrap();
        let (reports, heard) = mpsc::channel(1);
        let heard = stream::unfold(heard, |mut heard| async move { Some((heard.recv().await?, heard)) });
        Self { reports, _orders: host.orders(&known, Box::pin(heard)) }
    }

    /// Reports these counts, `(intercept, matched, passed)`, in this run.
    async fn say(&self, run: u64, counts: &[(&str, u64, u64)]) {
        let requests = counts.iter().map(|(intercept, matched, passed)| InterceptRequests {
            intercept: (*intercept).to_owned(),
            counts: Some(RequestCounts { matched: *matched, passed: *passed, dropped: 0 }),
        });
        let applied = counts.iter().map(|(intercept, ..)| (*intercept).to_owned()).collect();
        let report = AgentReport { applied, run, requests: requests.collect(), ..AgentReport::default() };
        self.reports.send(report).await.unwrap();
    }
}

/// The next list in which `u` is so: `(run, matched, passed)` of each agent, and how many don't count.
async fn told(lists: &mut RequestLists, agents: &[(u64, u64, u64)], uncounted: u32) {
    let mut last = None;
    let so = async {
        loop {
            let list = lists.next().await.unwrap();
            let u = list.intercepts.iter().find(|requested| requested.uid == "u").unwrap().clone();
            let counted = u.agents.iter().map(|agent| {
                let counts = agent.counts.unwrap();
                (agent.run, counts.matched, counts.passed)
            });
            if counted.eq(agents.iter().copied()) && u.uncounted == uncounted {
                return;
            }
            last = Some(u);
        }
    };
    assert!(timeout(Duration::from_secs(5), so).await.is_ok(), "{last:?} is the last");
}

#[tokio::test]
async fn each_run_of_each_pod_is_told_apart() {
    let (host, laptop) = (host(), pin());
    host.exchange.carry(vec![carried("u", laptop, "web")]);
    let mut lists = host.exchange.requests_of(laptop);
    told(&mut lists, &[], 0).await;
    let (one, other) = (Linked::new(&host, "web-0").await, Linked::new(&host, "web-1").await);
    one.say(1, &[("u", 5, 3)]).await;
    other.say(2, &[("u", 7, 0)]).await;
    told(&mut lists, &[(1, 5, 3), (2, 7, 0)], 0).await;
    one.say(1, &[("u", 6, 3)]).await;
    told(&mut lists, &[(1, 6, 3), (2, 7, 0)], 0).await;

    // The first pod's agent starts again: its container did.
    drop(one);
    told(&mut lists, &[(2, 7, 0)], 0).await;
    let again = Linked::new(&host, "web-0").await;
    again.say(3, &[("u", 1, 1)]).await;
    told(&mut lists, &[(2, 7, 0), (3, 1, 1)], 0).await;

    // Another replica hears the same of them.
    let second = self::host();
    second.exchange.carry(vec![carried("u", laptop, "web")]);
    let of_second = Linked::new(&second, "web-1").await;
    of_second.say(2, &[("u", 7, 0)]).await;
    told(&mut second.exchange.requests_of(laptop), &[(2, 7, 0)], 0).await;
}

#[tokio::test]
async fn an_agent_that_does_not_count_is_told_as_such() {
    let (host, laptop) = (host(), pin());
    host.exchange.carry(vec![carried("u", laptop, "web")]);
    let old = Linked::new(&host, "web-0").await;
    old.reports.send(AgentReport { applied: vec!["u".to_owned()], ..AgentReport::default() }).await.unwrap();
    let mut lists = host.exchange.requests_of(laptop);
    told(&mut lists, &[], 1).await;
    drop(old);
    told(&mut lists, &[], 0).await;
}

#[tokio::test]
async fn nobody_hears_of_somebody_else_s_intercept_or_from_somebody_else_s_pod() {
    let (host, laptop, other) = (host(), pin(), pin());
    let all = Carried { http: None, ..carried("all", laptop, "web") };
    host.exchange.carry(vec![
        carried("u", laptop, "web"),
        carried("theirs", other, "web"),
        carried("elsewhere", other, "api"),
        all,
    ]);
    let pod = Linked::new(&host, "web-0").await;
    pod.say(1, &[("u", 1, 0), ("theirs", 2, 0), ("elsewhere", 3, 0), ("made up", 4, 0), ("all", 5, 0)]).await;
    let mut lists = host.exchange.requests_of(laptop);
    told(&mut lists, &[(1, 1, 0)], 0).await;
    let uids =
        |list: RequestList| list.intercepts.into_iter().map(|one| (one.uid, one.agents.len())).collect::<Vec<_>>();
    let mine = uids(host.exchange.requests_of(laptop).next().await.unwrap());
    assert_eq!(mine, [("u".to_owned(), 1)]);
    let theirs = uids(host.exchange.requests_of(other).next().await.unwrap());
    assert_eq!(theirs, [("elsewhere".to_owned(), 0), ("theirs".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn counts_are_gathered_and_move_nothing_else() {
    let (host, laptop) = (host(), pin());
    host.exchange.carry(vec![carried("u", laptop, "web")]);
    let pod = Linked::new(&host, "web-0").await;
    pod.say(1, &[("u", 0, 0)]).await;
    let mut lists = host.exchange.requests_of(laptop);
    told(&mut lists, &[(1, 0, 0)], 0).await;
    let changes = host.exchange.changes();
    let (began, mut lists_told) = (Instant::now(), 0);
    let counting = async {
        for number in 1..=100 {
            pod.say(1, &[("u", number, 0)]).await;
            sleep(Duration::from_millis(10)).await;
        }
    };
    let listening = async {
        while began.elapsed() < Duration::from_secs(1) {
            lists.next().await.unwrap();
            lists_told += 1;
        }
    };
    tokio::join!(counting, listening);
    assert!((4..=6).contains(&lists_told), "{lists_told} lists in a second");
    assert!(!changes.has_changed().unwrap(), "neither decisions nor orders look at counts");
}
