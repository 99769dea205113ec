//! What comes from the cluster to programs on this laptop, and what the managers say of it.
//!
//! The control plane sets which ports lead where; on each link to a manager a task of the plane's thread takes the flows that the
//! manager asks for, and writes down what it tells.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hawser_fault::{Code, Fault};
use hawser_tunnel::client::Caller;
use hawser_tunnel::error::LinkError;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::link::Shared;
use hawser_tunnel::proto::{InterceptList, Intercepted, InterceptedPod, RequestCounts, RequestList};
use hawser_tunnel::sockets::{self, Answer, Gate, Lead, Near, Opener, Side, Sockets};
use hawser_tunnel::target;
use hawser_vif::LinkId;
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::requests::Requests;
use crate::limits;

/// One connection's deliveries, over any number of links.
pub struct Deliveries {
    handlers: Mutex<Handlers>,
    /// What came for each of them, for as long as it is one.
    delivered: Mutex<HashMap<(Kind, u16), Delivered>>,
    /// What the manager behind each link says.
    said: Mutex<BTreeMap<LinkId, Vec<Intercepted>>>,
    /// What asks that manager for flows.
    openers: Mutex<HashMap<LinkId, Opener>>,
    requests: Requests,
    changes: watch::Sender<u64>,
}

/// Where the program listens that answers for a local port.
pub type Handlers = HashMap<(Kind, u16), SocketAddr>;

/// What came for a local port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Flows.
    pub connections: u64,
    /// Of them, those that the program on this laptop didn't take.
    pub refused: u64,
    /// When the last one came.
    pub last: Option<SystemTime>,
}

impl Deliveries {
    /// Nothing is delivered yet. `changes` counts what the managers say.
    pub fn new(changes: watch::Sender<u64>) -> Self {
        Self {
            handlers: Mutex::default(),
            delivered: Mutex::default(),
            said: Mutex::default(),
            openers: Mutex::default(),
            requests: Requests::default(),
            changes,
        }
    }

    /// From now on these are all.
    pub fn set_handlers(&self, handlers: Handlers) {
        self.delivered.lock().retain(|port, _| handlers.contains_key(port));
        *self.handlers.lock() = handlers;
    }

    /// What came for these local ports. For which of several intercepts that share one can't be told.
    pub fn delivered(&self, ports: impl Iterator<Item = (Kind, u16)>) -> Delivered {
        let counted = self.delivered.lock();
        ports.filter_map(|port| counted.get(&port)).fold(Delivered::default(), |sum, one| Delivered {
            connections: sum.connections + one.connections,
            refused: sum.refused + one.refused,
            last: sum.last.max(one.last),
        })
    }

    /// The requests for the intercept with this uid, if it has a filter and all its agents count them.
    pub fn requests(&self, uid: &str) -> Option<RequestCounts> {
        self.requests.of(uid)
    }

    /// From now on requests are added up for these intercepts alone.
    pub fn keep_requests(&self, uids: &HashSet<String>) {
        self.requests.keep(uids);
    }

    /// The pods whose agents a manager has of the intercept with this uid. A pod that several managers have is there once.
    pub fn pods(&self, uid: &str) -> Vec<InterceptedPod> {
        let mut pods: BTreeMap<String, InterceptedPod> = BTreeMap::new();
        let said = self.said.lock();
        let of_it = said.values().flatten().filter(|intercepted| intercepted.uid == uid);
        for pod in of_it.flat_map(|intercepted| &intercepted.pods) {
            pods.entry(pod.name.clone())
                .and_modify(|known| known.applied |= pod.applied)
                .or_insert_with(|| pod.clone());
        }
        pods.into_values().collect()
    }

    /// Asks for the files of a container, by its number in its pod, of the intercept with this uid. What is returned ends if no
    /// agent has them.
    ///
    /// # Errors
    /// `pod-absent` if no manager has an agent of it now.
    pub fn files(&self, uid: &str, container: u16) -> Result<UnixStream, Fault> {
        let absent = |why: &str| Fault::new(Code::PodAbsent, format!("the container's files cannot be had now: {why}"));
        let (opener, number) = {
            let (said, openers) = (self.said.lock(), self.openers.lock());
            let found = said.iter().find_map(|(link, intercepts)| {
                let has_agent = |one: &&Intercepted| one.uid == uid && !one.pods.is_empty();
                Some((openers.get(link)?.clone(), intercepts.iter().find(has_agent)?.number))
            });
            found.ok_or_else(|| absent("no manager has a pod's agent"))?
        };
        let (near, far) = UnixStream::pair().map_err(|error| absent(&error.to_string()))?;
        match opener.open(Kind::Tcp, target::of_intercept(number, container), Near::Stream(far)) {
            Ok(()) => Ok(near),
            Err(_) => Err(absent("the link to the manager has just ended")),
        }
    }

    fn hear(&self, link: LinkId, list: InterceptList) {
        self.said.lock().insert(link, list.intercepts);
        self.changes.send_modify(|count| *count += 1);
    }

    fn forget(&self, link: LinkId) {
        self.openers.lock().remove(&link);
        self.requests.forget_link(link);
        if self.said.lock().remove(&link).is_some() {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

/// What is asked for on this laptop leads to the handlers alone.
impl Gate for Deliveries {
    fn lead(&self, kind: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        let Some((0, port)) = target::intercept(target) else { return Err(Reason::Forbidden) };
        let handler = self.handlers.lock().get(&(kind, port)).copied().ok_or(Reason::Forbidden)?;
        let mut counted = self.delivered.lock();
        let delivered = counted.entry((kind, port)).or_default();
        delivered.connections += 1;
        delivered.last = Some(SystemTime::now());
        Ok(Lead::To(handler))
    }

    fn count_refusal(&self, asked: Option<(Kind, SocketAddr)>) {
        let port = asked.and_then(|(kind, target)| Some((kind, target::intercept(target)?.1)));
        if let Some(port) = port
            && let Some(delivered) = self.delivered.lock().get_mut(&port)
        {
            delivered.refused += 1;
        }
    }

    fn resolve(&self, _: Bytes) -> Answer<'_> {
        Box::pin(std::future::ready(None))
    }
}

/// The deliveries of one link. Dropping it ends them.
pub(super) struct Delivering {
    task: JoinHandle<()>,
    sockets: Arc<Mutex<Option<Shared<Sockets>>>>,
}

impl Delivering {
    /// Begins, and goes on for as long as the connection behind `caller` is there.
    pub fn start(deliveries: Arc<Deliveries>, link: LinkId, caller: Caller, pace: Option<Duration>) -> Self {
        let sockets = Arc::default();
        let task = tokio::spawn(deliver(deliveries, link, caller, pace, Arc::clone(&sockets)));
        Self { task, sockets }
    }

    /// Flows that are under way.
    pub fn flow_count(&self) -> usize {
        self.sockets.lock().as_ref().map_or(0, |sockets| sockets.lock().flow_count())
    }
}

impl Drop for Delivering {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn deliver(
    deliveries: Arc<Deliveries>,
    link: LinkId,
    caller: Caller,
    pace: Option<Duration>,
    present: Arc<Mutex<Option<Shared<Sockets>>>>,
) {
    let _forgetting = Forgetting(Arc::clone(&deliveries), link);
    loop {
        let gate: Arc<dyn Gate> = deliveries.clone();
        let opener = Opener::default();
        let sockets = Arc::new(Mutex::new(Sockets::new(Side::Client, gate, opener.clone())));
        deliveries.openers.lock().insert(link, opener);
        *present.lock() = Some(sockets.clone());
        let Err(error) = serve(&deliveries, link, &caller, pace, sockets).await;
        tracing::debug!(%error, "deliveries of a link end");
        tokio::time::sleep(limits::REDIAL_LONGEST).await;
    }
}

/// A manager that is too old to tell of intercepts gets no second link. One that is too old to tell of requests tells of none.
async fn serve(
    deliveries: &Deliveries,
    link: LinkId,
    caller: &Caller,
    pace: Option<Duration>,
    sockets: Shared<Sockets>,
) -> Result<std::convert::Infallible, LinkError> {
    let mut lists = caller.intercepts().await?;
    let mut counts = caller.requests().await.ok();
    let flows = caller.deliveries(sockets.clone(), pace).await?;
    let (_stop, stopping) = watch::channel(false);
    let serving = sockets::serve(sockets, flows, stopping);
    tokio::pin!(serving);
    loop {
        tokio::select! {
            error = &mut serving => return Err(error),
            list = lists.message() => match list {
                Ok(Some(list)) => deliveries.hear(link, list),
                Ok(None) => return Err(LinkError::Lost("the manager ended the list of intercepts".to_owned())),
                Err(status) => return Err(LinkError::Lost(status.message().to_owned())),
            },
            list = counted(&mut counts) => deliveries.requests.hear(link, list),
        }
    }
}

/// The next counts; never if there are none to come.
async fn counted(counts: &mut Option<tonic::Streaming<RequestList>>) -> RequestList {
    if let Some(lists) = counts
        && let Ok(Some(list)) = lists.message().await
    {
        return list;
    }
    *counts = None;
    std::future::pending().await
}

/// What a link's manager said holds only as long as the link.
struct Forgetting(Arc<Deliveries>, LinkId);

impl Drop for Forgetting {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}

#[cfg(test)]
mod tests;
