//! A pretended host for tests: it writes down what is done to it and fails where it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hawser_dns::ClusterNames;
use hawser_fault::{Code, Fault};
use hawser_tunnel::proto::{Catalogue, CheckReply, Distance, PreviewReply, Trial};
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::{DataPlane, Host, Names};
use crate::conflict::{self, Conflict, Facts};
use crate::network::Route;
use crate::plane::{
    Addresses, ClusterInfo, Counters, Cursor, FlowRecord, Path, PlaneEvent, QueryNews, QueryRecord, Role, Way, Ways,
};
use crate::store::desired::{Desired, Id, Routing, Target, Wish};

/// A host whose answers are set by the test.
#[derive(Default)]
pub struct Pretend {
    shared: Arc<Mutex<Shared>>,
    desired: Option<Arc<Mutex<Desired>>>,
    news: watch::Sender<String>,
    looks: watch::Sender<u64>,
}

#[derive(Default)]
struct Shared {
    /// What was done, in order.
    done: Vec<String>,
    /// What the next calls of `link` come to; when it is empty they come to the default cluster.
    links: VecDeque<Link>,
    /// What each step fails with, until it is taken out.
    faults: Vec<(&'static str, Code)>,
    /// How the plane of each index is told to say something.
    events: BTreeMap<u16, mpsc::Sender<PlaneEvent>>,
    routed: Vec<IpNet>,
    /// Whether there are ways past the API server.
    is_direct: bool,
    /// An address of the cluster that the host reaches by itself.
    near: Option<IpAddr>,
    /// Addresses that the way to the cluster leads over.
    carriers: Vec<IpAddr>,
    /// Whether data planes answer nothing.
    is_hung: bool,
    /// Links that are being made.
    dialling: usize,
    /// What is routed to the cluster.
    ours: Vec<IpNet>,
}

/// What dialling comes to.
pub enum Link {
    Cluster(Box<ClusterInfo>),
    Fault(Code),
    /// The default cluster, after so long.
    Slow(Duration),
    /// Nothing, ever.
    Silence,
}

impl Pretend {
    /// A host that forgets wishes in `desired`.
    pub fn forgetting(desired: Arc<Mutex<Desired>>) -> Self {
        Self { desired: Some(desired), ..Self::default() }
    }

    pub fn next_link(&self, link: Link) {
        self.shared.lock().links.push_back(link);
    }

    /// Lets `step` (start, bring-up, check, route, keep, names or ask) fail from now on.
    pub fn fail(&self, step: &'static str, code: Code) {
        self.shared.lock().faults.push((step, code));
    }

    pub fn mend(&self) {
        self.shared.lock().faults.clear();
    }

    pub fn set_routed(&self, routed: &[&str]) {
        self.shared.lock().routed = routed.iter().map(|net| net.parse().unwrap()).collect();
    }

    /// Lets the first connection's link break.
    pub fn lose_link(&self, code: Code) {
        let events = self.shared.lock().events[&0].clone();
        events.try_send(PlaneEvent::Lost(Fault::new(code, "lost in a test"))).unwrap();
    }

    /// Lets the first connection want another link of this role, while one carries on.
    pub fn replace_link(&self, role: Role) {
        let events = self.shared.lock().events[&0].clone();
        events.try_send(PlaneEvent::Replace(role, Fault::new(Code::LinkLost, "leaves in a test"))).unwrap();
    }

    /// Lets there be ways past the API server.
    pub fn set_direct(&self) {
        self.shared.lock().is_direct = true;
    }

    /// Lets the host reach this address of the cluster by itself.
    pub fn set_near(&self, near: &str) {
        self.shared.lock().near = near.parse().ok();
    }

    /// Lets the way to the cluster lead over these addresses; a link is made only if none of them is routed to the cluster.
    pub fn set_carriers(&self, carriers: &[&str]) {
        self.shared.lock().carriers = carriers.iter().map(|address| address.parse().unwrap()).collect();
    }

    /// Lets data planes hang, or not.
    pub fn hang(&self, is_hung: bool) {
        self.shared.lock().is_hung = is_hung;
    }

    /// Lets something happen to the machine.
    pub fn happen(&self, what: &str) {
        self.news.send_replace(what.to_owned());
    }

    /// Lets somebody have looked who resolves names.
    pub fn look(&self) {
        self.looks.send_modify(|count| *count += 1);
    }

    /// Lets the first connection's cluster be another.
    pub fn change_cluster(&self, cluster: ClusterInfo) {
        let events = self.shared.lock().events[&0].clone();
        events.try_send(PlaneEvent::Changed(Box::new(cluster))).unwrap();
    }

    /// Lets the first connection's data plane end by itself.
    pub fn kill_plane(&self) {
        self.shared.lock().events.remove(&0);
    }

    /// Links that are being made.
    pub fn dialling(&self) -> usize {
        self.shared.lock().dialling
    }

    /// What was done since the last time that this was asked.
    pub fn take_done(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().done)
    }

    fn attempt(&self, step: &'static str, words: String) -> Result<(), Fault> {
        let mut shared = self.shared.lock();
        if let Some((_, code)) = shared.faults.iter().find(|(failing, _)| *failing == step) {
            return Err(Fault::new(*code, format!("{step} fails in this test")));
        }
        shared.done.push(words);
        Ok(())
    }
}

pub fn cluster(subnets: &[&str]) -> ClusterInfo {
    ClusterInfo {
        software: "pretended 1".to_owned(),
        subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
        names: ClusterNames {
            domains: vec!["demo.local".to_owned()],
            search_domain: "shop.demo.local".to_owned(),
            ..ClusterNames::default()
        },
        ..ClusterInfo::default()
    }
}

pub fn target(address: &str) -> Target {
    let pin = format!("sha256:{}", "0".repeat(64));
    Target::Standalone { address: address.to_owned(), pin, also_proxy: Vec::new(), never_proxy: Vec::new() }
}

pub fn id(owner: u32, name: &str) -> Id {
    Id { owner, name: name.to_owned() }
}

impl Host for Pretend {
    type Plane = PretendPlane;

    async fn ways(&self, _: &Wish, step: &(dyn Fn(&str) + Sync)) -> Result<Ways, Fault> {
        self.attempt("ways", "ways".to_owned())?;
        step("dialling the manager");
        let pin = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let way = Way { path: Path::Address("192.0.2.1:7300".to_owned()), pins: vec![pin] };
        let direct = if self.shared.lock().is_direct { vec![way.clone()] } else { Vec::new() };
        Ok(Ways { base: vec![way], direct, native: Vec::new() })
    }

    async fn logged_in(&self, _: &Wish) {
        while self.shared.lock().faults.iter().any(|(step, _)| *step == "ways") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn settle(&self, _: &Wish) {}

    async fn stay_logged_in(&self, _: &Wish) -> Infallible {
        std::future::pending().await
    }

    fn news(&self) -> watch::Receiver<String> {
        self.news.subscribe()
    }

    fn resolver_looks(&self) -> watch::Receiver<u64> {
        self.looks.subscribe()
    }

    async fn leave(&self, _: &Wish) {
        self.shared.lock().done.push("leave".to_owned());
    }

    async fn carriers(&self, _: &Wish) -> Vec<IpAddr> {
        self.shared.lock().carriers.clone()
    }

    async fn routed(&self) -> Result<Vec<IpNet>, Fault> {
        Ok(self.shared.lock().routed.clone())
    }

    fn start_plane(
        &self,
        wish: &Wish,
        addresses: &Addresses,
    ) -> Result<(PretendPlane, mpsc::Receiver<PlaneEvent>), Fault> {
        self.attempt("start", format!("start hawser{} {}", wish.index, addresses.v4))?;
        let (sender, receiver) = mpsc::channel(4);
        self.shared.lock().events.insert(wish.index, sender);
        Ok((PretendPlane(Arc::clone(&self.shared)), receiver))
    }

    async fn bring_up(&self, device: &str, _: &Addresses) -> Result<bool, Fault> {
        self.attempt("bring-up", format!("bring up {device}"))?;
        Ok(true)
    }

    async fn conflicts(&self, _: &Wish, subnets: &[IpNet], routes: &[Route]) -> Vec<Conflict> {
        conflict::find(subnets, &Facts { own_device: "hawser0", routes, others: &[], manager: &[] })
    }

    async fn routes(&self) -> Result<Vec<Route>, Fault> {
        self.attempt("check", "check".to_owned())?;
        let routed = self.shared.lock().routed.clone();
        Ok(routed.into_iter().map(|net| Route { net, device: "docker0".to_owned(), metric: 0 }).collect())
    }

    async fn reached_beside(&self, near: IpAddr, subnets: &[IpNet]) -> Result<Vec<IpNet>, Fault> {
        Ok(subnets.iter().filter(|subnet| subnet.contains(&near)).copied().collect())
    }

    async fn route(&self, device: &str, _: &Addresses, add: &[IpNet], remove: &[IpNet]) -> Result<(), Fault> {
        self.attempt("route", format!("route {device} +{add:?} -{remove:?}"))?;
        let ours = &mut self.shared.lock().ours;
        ours.extend_from_slice(add);
        ours.retain(|net| !remove.contains(net));
        Ok(())
    }

    async fn point_names(&self, _: &Id, names: Names) -> Result<(), Fault> {
        self.attempt("names", format!("names to {}", names.server))
    }

    async fn withdraw_names(&self, _: &Id) {
        self.shared.lock().done.push("withdraw names".to_owned());
    }

    async fn ask(&self, _: &Id, _: SocketAddr, domain: &str) -> Result<(), Fault> {
        self.attempt("ask", format!("ask {domain}"))
    }

    fn keep_routing(&self, id: &Id, routing: Routing) -> Result<(), Fault> {
        self.attempt("keep", format!("keep +{:?} -{:?}", routing.also, routing.never))?;
        self.desired.as_ref().map_or(Ok(()), |desired| desired.lock().reroute(id, routing))
    }

    fn forget(&self, id: &Id) {
        self.shared.lock().done.push("forget".to_owned());
        if let Some(desired) = &self.desired {
            desired.lock().remove(id).unwrap();
        }
    }
}

pub struct PretendPlane(Arc<Mutex<Shared>>);

struct Dialling(Arc<Mutex<Shared>>);

impl Dialling {
    fn begin(shared: &Arc<Mutex<Shared>>) -> Self {
        shared.lock().dialling += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Dialling {
    fn drop(&mut self) {
        self.0.lock().dialling -= 1;
    }
}

impl DataPlane for PretendPlane {
    async fn link(&self, ways: Vec<Way>) -> Result<ClusterInfo, Fault> {
        let address = &ways[0].path;
        let link = {
            let mut shared = self.0.lock();
            shared.done.push("link".to_owned());
            if shared.carriers.iter().any(|carrier| shared.ours.iter().any(|net| net.contains(carrier))) {
                return Err(Fault::new(Code::ManagerUnreachable, "the way leads into itself"));
            }
            shared.links.pop_front()
        };
        let _dialling = Dialling::begin(&self.0);
        match link {
            None => Ok(cluster(&["10.96.0.0/16"])),
            Some(Link::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(cluster(&["10.96.0.0/16"]))
            }
            Some(Link::Cluster(cluster)) => Ok(*cluster),
            Some(Link::Fault(code)) => Err(Fault::new(code, format!("{address} in this test"))),
            Some(Link::Silence) => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Err(Fault::new(Code::ManagerUnreachable, format!("{address} is silent")))
            }
        }
    }

    async fn upgrade(&self, _: Vec<Way>) -> Result<(), Fault> {
        let mut shared = self.0.lock();
        shared.done.push("upgrade".to_owned());
        match shared.faults.iter().find(|(failing, _)| *failing == "upgrade") {
            Some((_, code)) => Err(Fault::new(*code, "upgrade fails in this test")),
            None => Ok(()),
        }
    }

    async fn reaches(&self, _: Vec<Way>) -> Option<IpAddr> {
        self.0.lock().near
    }

    async fn doubt(&self, why: String) {
        self.0.lock().done.push(format!("doubt: {why}"));
    }

    async fn answers(&self) {
        if self.0.lock().is_hung {
            std::future::pending().await
        }
    }

    fn counters(&self) -> Counters {
        Counters { sent_bytes: 7, ..Counters::default() }
    }

    async fn flows(&self) -> Vec<FlowRecord> {
        vec![FlowRecord {
            id: 1,
            protocol: "tcp",
            source: "198.18.0.1:40000".parse().unwrap(),
            destination: "10.96.0.11:80".parse().unwrap(),
            name: None,
            sent_bytes: 0,
            received_bytes: 0,
            opened: std::time::SystemTime::UNIX_EPOCH,
            round_trip_us: 0,
            state: "open",
            closed: None,
        }]
    }

    async fn queries(&self, since: Cursor) -> QueryNews {
        let record = QueryRecord {
            id: 1,
            name: "web.demo.local".into(),
            record: 1,
            source: None,
            uid: None,
            by: hawser_dns::By::Memory,
            outcome: hawser_dns::Outcome::Found,
            took_us: 0,
            at: std::time::SystemTime::UNIX_EPOCH,
        };
        QueryNews { cursor: since, missed: 0, queries: vec![record] }
    }

    async fn browse(&self, _: Vec<String>) -> mpsc::Receiver<Result<Catalogue, Fault>> {
        mpsc::channel(1).1
    }

    async fn check(&self, _: String) -> Result<CheckReply, Fault> {
        Ok(CheckReply::default())
    }

    async fn preview(&self, _: String, _: String) -> Result<PreviewReply, Fault> {
        Ok(PreviewReply::default())
    }

    async fn distances(&self) -> Result<Vec<Distance>, Fault> {
        Ok(vec![Distance { pod: "web-0".to_owned(), round_trip_us: 40 }])
    }

    async fn prove(&self, _: String) -> Result<Vec<Trial>, Fault> {
        Ok(Vec::new())
    }

    async fn stop(self) {
        self.0.lock().done.push("stop".to_owned());
    }
}
