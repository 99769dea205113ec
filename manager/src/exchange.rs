//! Who is linked to this replica, laptops and agents, and what flows between them.
//!
//! What is intercepted comes from the API server, the same for every replica ([`Exchange::carry`]); who is linked is this
//! replica's own. Neither is state that a restart could lose.

mod agents;
mod laptops;
mod proof;
mod requests;

use std::collections::{BTreeMap, HashMap, HashSet};

use hawser_api::WorkloadKind;
use hawser_tunnel::identity::Pin;
use hawser_tunnel::proto::{
    AgentContainer, AgentOrders, AgentProof, HttpFilter, InterceptList, Intercepted, InterceptedPod, Order, OrderPort,
};
use hawser_tunnel::sockets::Opener;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::limits;
use requests::Counted;

pub use agents::{AgentHost, Pod, Review, Reviewed};
pub use laptops::Deliveries;
pub use proof::{Behind, Door};

/// See the module's description.
pub struct Exchange {
    state: Mutex<State>,
    /// Fires when orders or lists may say something else.
    changes: watch::Sender<()>,
    /// Fires when agents have counted requests, and wakes none but those who want to know.
    counts: watch::Sender<()>,
    /// Proofs at once.
    proving: Semaphore,
}

#[derive(Default)]
struct State {
    /// The links of deliveries, by the laptop's key; the newest is used.
    laptops: HashMap<Pin, Vec<(u64, Opener)>>,
    /// The agents, by their pod's uid.
    agents: HashMap<String, Agent>,
    /// What is intercepted, by number.
    carried: HashMap<u32, Carried>,
    /// What is not intercepted any more, until the last agent here has let go of it.
    fading: HashMap<u32, Carried>,
    /// Where the other replicas are.
    managers: Vec<String>,
    /// What agents are told of proofs under way, by the pod's uid; each proof by its number.
    proofs: BTreeMap<u64, HashMap<String, Vec<AgentProof>>>,
    next: u64,
}

struct Agent {
    pod: Pod,
    containers: Vec<AgentContainer>,
    applied: HashSet<String>,
    /// The number of the last proof that it knows of.
    heard: u64,
    counted: Counted,
    opener: Opener,
    /// Which connection this is: an old one's end does not end a new one.
    link: u64,
}

/// A workload of some namespace.
pub type Workload = (WorkloadKind, String);

/// An intercept whose traffic is to be carried.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// The Intercept's name.
    pub name: String,
    /// The workload's namespace.
    pub namespace: String,
    /// The Intercept's uid.
    pub uid: String,
    /// The user's name.
    pub user: String,
    /// The laptop's key.
    pub laptop: Pin,
    /// The workload.
    pub workload: Workload,
    /// The container whose environment and files the laptop gets.
    pub container: String,
    /// The app answers, the laptop gets a copy.
    pub copy: bool,
    /// Ports of the app, and where they lead on the laptop.
    pub ports: Vec<OrderPort>,
    /// Which requests; all without it.
    pub http: Option<HttpFilter>,
}

impl Default for Exchange {
    fn default() -> Self {
        let proving = Semaphore::new(limits::PROOFS);
        Self { state: Mutex::default(), changes: watch::Sender::default(), counts: watch::Sender::default(), proving }
    }
}

impl Exchange {
    /// What is intercepted from now on; all of it.
    pub fn carry(&self, intercepts: Vec<Carried>) {
        {
            let mut state = self.state.lock();
            let mut numbers: HashMap<String, u32> =
                state.carried.iter().map(|(number, carried)| (carried.uid.clone(), *number)).collect();
            let mut carried = HashMap::new();
            for intercept in intercepts {
                let number = numbers.remove(&intercept.uid).unwrap_or_else(|| state.number());
                carried.insert(number, intercept);
            }
            if carried == state.carried {
                return;
            }
            let former = std::mem::replace(&mut state.carried, carried);
            state.fading.extend(former);
            state.fade();
        }
        self.changes.send_replace(());
    }

    /// Where all replicas are, as `host:port` for agents.
    pub fn know_managers(&self, managers: Vec<String>) {
        let changed = std::mem::replace(&mut self.state.lock().managers, managers.clone()) != managers;
        if changed {
            self.changes.send_replace(());
        }
    }

    /// Fires when something here may have changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The uids of the pods whose agents are linked here and have this intercept in force.
    pub fn applied(&self, intercept: &str) -> HashSet<String> {
        let state = self.state.lock();
        state.agents.iter().filter(|(_, agent)| agent.applied.contains(intercept)).map(|(uid, _)| uid.clone()).collect()
    }

    /// Workloads with agents that are linked here, of which nothing is intercepted; by their namespace.
    pub fn idle(&self) -> HashSet<(String, Workload)> {
        let state = self.state.lock();
        let busy = |pod: &Pod| state.carried.values().any(|carried| carried.is_of(pod));
        let idle = state.agents.values().map(|agent| &agent.pod).filter(|pod| !busy(pod));
        idle.filter_map(|pod| Some((pod.namespace.clone(), pod.workloads.first()?.clone()))).collect()
    }

    /// Workloads with a container that doesn't run its own program; by their namespace.
    pub fn replaced(&self) -> HashSet<(String, Workload)> {
        let state = self.state.lock();
        let replaced = state.agents.values().map(|agent| &agent.pod).filter(|pod| pod.is_replaced);
        replaced.filter_map(|pod| Some((pod.namespace.clone(), pod.workloads.first()?.clone()))).collect()
    }

    /// A laptop's intercepts, as they stand here.
    pub fn intercepts_of(&self, laptop: Pin) -> InterceptList {
        let state = self.state.lock();
        let mut intercepts: Vec<Intercepted> = state
            .carried
            .iter()
            .chain(&state.fading)
            .filter(|(_, carried)| carried.laptop == laptop)
            .map(|(number, carried)| state.shown(*number, carried))
            .collect();
        intercepts.sort_by(|one, other| one.uid.cmp(&other.uid));
        InterceptList { intercepts }
    }

    /// Links to agents of pods that this laptop intercepts, with the pods' names.
    pub fn agents_of(&self, laptop: Pin) -> Vec<(String, Opener)> {
        let state = self.state.lock();
        let own = || state.carried.values().filter(|carried| carried.laptop == laptop);
        let agents = state.agents.values().filter(|agent| own().any(|carried| carried.is_of(&agent.pod)));
        let linked = agents.filter(|agent| agent.opener.is_open());
        linked.map(|agent| (agent.pod.name.clone(), agent.opener.clone())).collect()
    }

    fn orders(&self, pod: &Pod) -> AgentOrders {
        let state = self.state.lock();
        let mut orders: Vec<Order> = state
            .carried
            .iter()
            .filter(|(_, carried)| carried.is_of(pod))
            .map(|(number, carried)| Order {
                intercept: carried.uid.clone(),
                number: *number,
                linked: state.opener_of(carried.laptop).is_some(),
                copy: carried.copy,
                ports: carried.ports.clone(),
                http: carried.http.clone(),
                user: carried.user.clone(),
            })
            .collect();
        orders.sort_by(|one, other| one.intercept.cmp(&other.intercept));
        let proofs = state.proofs.iter().filter_map(|(number, pods)| Some((*number, pods.get(&pod.uid)?)));
        let proofs_posted = proofs.clone().map(|(number, _)| number).max().unwrap_or_default();
        let proofs = proofs.flat_map(|(_, proofs)| proofs.clone()).collect();
        AgentOrders { managers: state.managers.clone(), orders, proofs, proofs_posted }
    }

    fn tell(&self) {
        self.changes.send_replace(());
    }
}

impl Carried {
    /// Whether this pod is one of the workload's.
    fn is_of(&self, pod: &Pod) -> bool {
        pod.namespace == self.namespace && pod.workloads.contains(&self.workload)
    }

    /// A pod's containers, the intercept's own before the others.
    fn shown_first(&self, containers: &[AgentContainer]) -> Vec<AgentContainer> {
        let mut containers = containers.to_vec();
        containers.sort_by_key(|container| container.name != self.container);
        containers
    }
}

impl State {
    fn number(&mut self) -> u32 {
        // Zero stands for no intercept.
        u32::try_from(self.link() % u64::from(u32::MAX)).unwrap_or_default() + 1
    }

    fn link(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The intercept with this number, for as long as an agent may ask for flows of it.
    fn led(&self, number: u32) -> Option<&Carried> {
        self.carried.get(&number).or_else(|| self.fading.get(&number))
    }

    /// Forgets what no agent has in force any more.
    fn fade(&mut self) {
        let (carried, agents) = (&self.carried, &self.agents);
        self.fading.retain(|_, left| {
            let is_back = carried.values().any(|carried| carried.uid == left.uid);
            !is_back && agents.values().any(|agent| agent.applied.contains(&left.uid))
        });
    }

    fn opener_of(&self, laptop: Pin) -> Option<&Opener> {
        self.laptops.get(&laptop)?.iter().rev().map(|(_, opener)| opener).find(|opener| opener.is_open())
    }

    fn shown(&self, number: u32, carried: &Carried) -> Intercepted {
        let agents = self.agents.values().filter(|agent| carried.is_of(&agent.pod));
        let mut pods: Vec<InterceptedPod> = agents
            .map(|agent| InterceptedPod {
                name: agent.pod.name.clone(),
                address: agent.pod.address.clone(),
                applied: agent.applied.contains(&carried.uid),
                containers: carried.shown_first(&agent.containers),
            })
            .collect();
        pods.sort_by(|one, other| one.name.cmp(&other.name));
        Intercepted {
            name: carried.name.clone(),
            namespace: carried.namespace.clone(),
            uid: carried.uid.clone(),
            number,
            pods,
        }
    }
}
