//! The agents' links.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hawser_tunnel::agents::{Host, Orders, Reports};
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::link::{Link, Shared};
use hawser_tunnel::proto::{AgentContainer, AgentOrders, AgentReport, OrderPort, Registration};
use hawser_tunnel::server::Serving;
use hawser_tunnel::sockets::{self, Answer, Gate, Lead, Near, Opener, Side, Sockets, pipe};
use hawser_tunnel::target;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::requests::Counted;
use super::{Agent, Exchange, State, Workload};

/// A pod with an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its address, for people; empty if it is not known yet.
    pub address: String,
    /// What it belongs to, near and far.
    pub workloads: Vec<Workload>,
    /// A container of it doesn't run its own program.
    pub is_replaced: bool,
}

/// Finds out which pod a token is of.
pub type Review = Arc<dyn Fn(String) -> Reviewed + Send + Sync>;
/// The pod, or why the token is not believed.
pub type Reviewed = std::pin::Pin<Box<dyn Future<Output = Result<Pod, String>> + Send>>;

/// Serves agents.
pub struct AgentHost {
    /// Where their flows go.
    pub exchange: Arc<Exchange>,
    /// How they are known.
    pub review: Review,
    /// True when this manager is about to stop.
    pub stopping: watch::Receiver<bool>,
}

/// An agent that has proven itself.
#[derive(Clone)]
pub struct Known {
    pod: Pod,
    containers: Vec<AgentContainer>,
    opener: Opener,
}

impl Host for AgentHost {
    type Agent = Known;

    async fn admit(&self, registration: Registration) -> Result<Known, String> {
        let reviewed = (self.review)(registration.token).await;
        let pod = reviewed.inspect_err(|reason| tracing::warn!(reason, "somebody is not taken for an agent"))?;
        Ok(Known { pod, containers: registration.containers, opener: Opener::default() })
    }

    fn orders(&self, agent: &Known, reports: Reports) -> Orders {
        let linked = self.exchange.link_agent(agent);
        let exchange = self.exchange.clone();
        let reporting = linked.clone();
        tokio::spawn(reports.for_each(move |report| {
            reporting.report(report);
            std::future::ready(())
        }));
        let changes = exchange.changes();
        let state = (linked, changes, None::<AgentOrders>);
        Box::pin(stream::unfold(state, |(linked, mut changes, told)| async move {
            loop {
                changes.mark_unchanged();
                let orders = linked.exchange.orders(&linked.pod);
                if told.as_ref() != Some(&orders) {
                    return Some((orders.clone(), (linked, changes, Some(orders))));
                }
                changes.changed().await.ok()?;
            }
        }))
    }

    fn serve(&self, agent: &Known) -> (Shared<Sockets>, impl FnOnce(Link) -> Serving + Send + 'static) {
        let gate = Arc::new(Relay { exchange: self.exchange.clone(), pod: agent.pod.clone() });
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Server, gate, agent.opener.clone())));
        let (serving, stopping, pod) = (sockets.clone(), self.stopping.clone(), agent.pod.name.clone());
        let serve = move |link| -> Serving {
            Box::pin(async move {
                tracing::info!(pod, "an agent is linked");
                let reason = sockets::serve(serving, link, stopping).await;
                tracing::info!(pod, %reason, "an agent's link ends");
            })
        };
        (sockets, serve)
    }
}

/// An agent's connection, for as long as somebody listens to its orders.
struct LinkedAgent {
    exchange: Arc<Exchange>,
    pod: Pod,
    link: u64,
}

impl Exchange {
    fn link_agent(self: &Arc<Self>, agent: &Known) -> Arc<LinkedAgent> {
        let link = {
            let mut state = self.state.lock();
            let link = state.link();
            let linked = Agent {
                pod: agent.pod.clone(),
                containers: agent.containers.clone(),
                applied: HashSet::new(),
                heard: 0,
                counted: Counted::default(),
                opener: agent.opener.clone(),
                link,
            };
            state.agents.insert(agent.pod.uid.clone(), linked);
            link
        };
        self.tell();
        Arc::new(LinkedAgent { exchange: self.clone(), pod: agent.pod.clone(), link })
    }

    /// A link to the laptop of the intercept with this number, if the pod is one of its and this one of its local ports.
    fn laptop_for(&self, pod: &Pod, number: u32, kind: Kind, local_port: u16) -> Option<Opener> {
        let state = self.state.lock();
        let leads = |port: &OrderPort| port.local_port == u32::from(local_port) && port.udp == (kind == Kind::Udp);
        let carried = state.led(number).filter(|carried| carried.is_of(pod) && carried.ports.iter().any(leads))?;
        state.opener_of(carried.laptop).cloned()
    }
}

impl LinkedAgent {
    fn report(&self, report: AgentReport) {
        {
            let mut state = self.exchange.state.lock();
            let State { agents, carried, .. } = &mut *state;
            let Some(agent) = agents.get_mut(&self.pod.uid).filter(|agent| agent.link == self.link) else { return };
            let counted = Counted::reported(&report, &self.pod, carried);
            if agent.counted != counted {
                agent.counted = counted;
                self.exchange.counts.send_replace(());
            }
            let said = (report.applied.into_iter().collect(), report.proofs_heard);
            if (&agent.applied, agent.heard) == (&said.0, said.1) {
                return;
            }
            (agent.applied, agent.heard) = said;
            state.fade();
        }
        self.exchange.tell();
    }
}

impl Drop for LinkedAgent {
    fn drop(&mut self) {
        {
            let mut state = self.exchange.state.lock();
            if state.agents.get(&self.pod.uid).is_some_and(|agent| agent.link == self.link) {
                state.agents.remove(&self.pod.uid);
                state.fade();
            }
        }
        self.exchange.tell();
    }
}

/// What an agent may ask for: the laptops that intercept its pod.
struct Relay {
    exchange: Arc<Exchange>,
    pod: Pod,
}

impl Gate for Relay {
    fn lead(&self, kind: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        let (number, port) = target::intercept(target).ok_or(Reason::Forbidden)?;
        let laptop = self.exchange.laptop_for(&self.pod, number, kind, port).ok_or(Reason::Unreachable)?;
        let (near, far) = pipe();
        match laptop.open(kind, target::of_handler(port), Near::Pipe(far)) {
            Ok(()) => Ok(Lead::Pipe(near)),
            Err(_) => Err(Reason::Limit),
        }
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}
