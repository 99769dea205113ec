//! Every intercept of every connection: asked for by the user, kept in the cluster as an object, and ended by whoever ends that.
//!
//! What is wanted stands in the desired state. For each there is a task ([`keeper`]) that makes its object ([`object`]), follows what
//! the cluster says of it ([`standing`]), and takes it away. What traffic comes of it goes through the connection's
//! [`Deliveries`].

mod check;
mod keeper;
mod object;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_tunnel::proto::{AgentContainer, InterceptedPod, RequestCounts};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::limits;
use crate::plane::{Delivered, Deliveries};
use crate::store::desired::{Desired, Id, Wish};
use crate::store::intercepts::Intercept;
use keeper::{End, Goal, Keeper};

pub use object::{InCluster, Objects};
pub use standing::{Phase, Standing};

/// What an intercept's object would say (JSON), for a look at what would come of it.
///
/// # Errors
/// `bad-argument`.
pub fn previewed(intercept: &Intercept) -> Result<String, Fault> {
    check::well_formed(intercept)?;
    let spec = object::spec(intercept, String::new(), String::new(), String::new());
    serde_json::to_string(&spec).map_err(|error| Fault::new(Code::Internal, format!("writing an intercept: {error}")))
}

/// The intercepts of a helper.
pub struct Intercepts<O> {
    objects: Arc<O>,
    desired: Arc<Mutex<Desired>>,
    entries: Mutex<BTreeMap<Key, Entry>>,
    deliveries: Mutex<HashMap<Id, Arc<Deliveries>>>,
    /// What the companions say, as long as they are there.
    mounted: Mutex<HashMap<Key, Mounted>>,
    changes: watch::Sender<u64>,
}

/// Connection and name.
type Key = (Id, String);

struct Entry {
    intercept: Intercept,
    /// What comes for it is refused from now on.
    shut: bool,
    goal: watch::Sender<Goal>,
    kick: Arc<Notify>,
    standing: watch::Receiver<Standing>,
}

/// One intercept as it is shown.
#[derive(Clone, Debug)]
pub struct View {
    /// What was asked for.
    pub intercept: Intercept,
    /// Where it stands.
    pub standing: Standing,
    /// The pods whose agents the managers have.
    pub pods: Vec<InterceptedPod>,
    /// What the user's companion says of its files, if they are wanted.
    pub mounted: Option<Mounted>,
    /// What came for it.
    pub delivered: Delivered,
    /// Requests in its pods, if it has a filter and all agents there count them.
    pub requests: Option<RequestCounts>,
}

/// How the files of an intercept are mounted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mounted {
    /// They are there.
    pub mounted: bool,
    /// Why they are not.
    pub cause: Option<Fault>,
    /// What can't be read of them.
    pub unreadable: Vec<String>,
}

/// What an intercepted container has.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// The pod that says so.
    pub pod: String,
    /// The container.
    pub container: AgentContainer,
}

impl<O: Objects> Intercepts<O> {
    /// Nothing is kept yet.
    pub fn new(objects: O, desired: Arc<Mutex<Desired>>) -> Arc<Self> {
        Arc::new(Self {
            objects: Arc::new(objects),
            desired,
            entries: Mutex::default(),
            deliveries: Mutex::default(),
            mounted: Mutex::default(),
            changes: watch::Sender::new(0),
        })
    }

    /// Brings back every intercept that is wanted; each goes on when its connection is up.
    pub fn restore(self: &Arc<Self>) {
        let (wishes, intercepts) = {
            let desired = self.desired.lock();
            (desired.wishes().to_vec(), desired.intercepts().to_vec())
        };
        for intercept in intercepts {
            if let Some(wish) = wishes.iter().find(|wish| wish.id == intercept.connection) {
                self.start(&mut self.entries.lock(), wish, intercept, Goal::Rest);
            }
        }
        let entries = self.entries.lock();
        wishes.iter().for_each(|wish| self.set_handlers(&wish.id, &entries));
    }

    /// Makes an intercept unless it is there. The same again changes nothing.
    ///
    /// # Errors
    /// `bad-argument`, `intercept-exists`, `local-port-taken`, `limit-reached`, `state-unwritable`. Then nothing has changed.
    pub fn ask(self: &Arc<Self>, wish: &Wish, mut intercept: Intercept) -> Result<watch::Receiver<Standing>, Fault> {
        check::well_formed(&intercept)?;
        let mut entries = self.entries.lock();
        let key = (wish.id.clone(), intercept.name.clone());
        if let Some(present) = entries.get(&key).filter(|entry| !entry.is_over()) {
            check::is_same(&present.intercept, &intercept)?;
            let leaving = |other: &Intercept| other.is(&wish.id, &intercept.name) && other.leaving;
            if self.desired.lock().intercepts().iter().any(leaving) {
                let detail = format!("the intercept {} is just being left", intercept.name);
                return Err(Fault::new(Code::InterceptExists, detail).with_fix("Ask again when it is gone."));
            }
            return Ok(present.standing.clone());
        }
        let others: Vec<&Intercept> = entries
            .values()
            .filter(|entry| entry.intercept.connection.owner == wish.id.owner && !entry.is_over())
            .map(|entry| &entry.intercept)
            .collect();
        check::fits(&intercept, &others)?;
        intercept.object = keeper::object_name(&intercept.name);
        self.desired.lock().add_intercept(intercept.clone())?;
        let standing = self.start(&mut entries, wish, intercept, Goal::Hold);
        self.set_handlers(&wish.id, &entries);
        drop(entries);
        self.changed();
        Ok(standing)
    }

    /// Ends one intercept of a connection, or all, and returns their names when they are gone from the cluster.
    ///
    /// # Errors
    /// `intercept-unknown`, `state-unwritable`; `api-unreachable` if the cluster can't be told now: it is told later.
    pub async fn leave(&self, connection: &Id, name: &str) -> Result<Vec<String>, Fault> {
        let names: Vec<String> = {
            let mut entries = self.entries.lock();
            let meant = |(id, known): &Key| id == connection && (name.is_empty() || known == name);
            let names: Vec<String> = entries.keys().filter(|key| meant(key)).map(|(_, name)| name.clone()).collect();
            if names.is_empty() && !name.is_empty() {
                return Err(unknown(connection, name));
            }
            entries.retain(|key, entry| !(meant(key) && entry.is_over()));
            for name in &names {
                self.desired.lock().change_intercept(connection, name, |intercept| intercept.leaving = true)?;
                if let Some(entry) = entries.get(&(connection.clone(), name.clone())) {
                    entry.pursue(Goal::Leave);
                }
            }
            names
        };
        self.changed();
        let mut changes = self.changes.subscribe();
        let gone = changes.wait_for(|_| names.iter().all(|name| !self.has(connection, name)));
        if timeout(limits::LEAVE_INTERCEPT, gone).await.is_ok() {
            return Ok(names);
        }
        let mut entries = self.entries.lock();
        for ((_, name), entry) in entries.iter_mut().filter(|((id, _), _)| id == connection) {
            entry.shut |= names.contains(name);
        }
        self.set_handlers(connection, &entries);
        drop(entries);
        Err(self.still_there(connection, &names))
    }

    /// Lets an intercept that was asked for once more end when it was to this time. Without a time its end stays.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn end_at(&self, wish: &Wish, name: &str, until: Option<Timestamp>) -> Result<(), Fault> {
        let is_other = |view: View| until.is_some() && view.standing.uid.is_some() && view.standing.until != until;
        if self.view(&wish.id, name).is_some_and(is_other) {
            self.extend(wish, name, until).await?;
        }
        Ok(())
    }

    /// Lets an intercept end at another time, or never.
    ///
    /// # Errors
    /// `intercept-unknown`; what the API server says.
    pub async fn extend(&self, wish: &Wish, name: &str, until: Option<Timestamp>) -> Result<View, Fault> {
        let key = (wish.id.clone(), name.to_owned());
        let intercept = {
            let entries = self.entries.lock();
            let entry = entries.get(&key).filter(|entry| !entry.is_over());
            entry.ok_or_else(|| unknown(&wish.id, name))?.intercept.clone()
        };
        self.objects.extend(wish, &intercept, until).await?;
        self.desired.lock().change_intercept(&wish.id, name, |intercept| intercept.until = until)?;
        if let Some(entry) = self.entries.lock().get_mut(&key) {
            entry.intercept.until = until;
        }
        self.changed();
        let mut view = self.view(&wish.id, name).ok_or_else(|| unknown(&wish.id, name))?;
        // What the cluster says of it comes after this.
        view.standing.until = until;
        Ok(view)
    }

    /// What the intercepted container has, as soon as a pod has said so.
    ///
    /// # Errors
    /// `intercept-unknown`, `container-unknown`; why the intercept is not in force, or `pod-absent`.
    pub async fn environment(&self, connection: &Id, name: &str) -> Result<Environment, Fault> {
        let mut changes = self.changes.subscribe();
        let known = changes.wait_for(|_| match self.view(connection, name) {
            None => true,
            Some(view) => view.standing.phase == Phase::Ended || view.pods.iter().any(|pod| !pod.containers.is_empty()),
        });
        // Without one what is there is looked at all the same: it says why.
        let _ = timeout(limits::POD_ANSWER, known).await;
        let view = self.view(connection, name).ok_or_else(|| unknown(connection, name))?;
        standing::environment(&view)
    }

    /// Asks for the files of the intercepted container: what is returned speaks sftp, and ends if nobody there does.
    ///
    /// # Errors
    /// `intercept-unknown`, `container-unknown`, `volumes-absent`; why the intercept is not in force, or `pod-absent`.
    pub fn files(&self, connection: &Id, name: &str) -> Result<UnixStream, Fault> {
        let view = self.view(connection, name).ok_or_else(|| unknown(connection, name))?;
        let place = standing::container(&view)?;
        let uid = view.standing.uid.unwrap_or_default();
        self.deliveries(connection).files(&uid, place)
    }

    /// What the companion of the connection's owner says of an intercept's files.
    pub fn report(&self, connection: Id, name: String, mounted: Mounted) {
        let key = (connection, name);
        if self.entries.lock().contains_key(&key) {
            self.mounted.lock().insert(key, mounted);
            self.changed();
        }
    }

    /// The companion of this user is gone, and its mounts with it.
    pub fn forget_mounts(&self, owner: u32) {
        self.mounted.lock().retain(|(connection, _), _| connection.owner != owner);
        self.changed();
    }

    /// The uid of an intercept's object.
    ///
    /// # Errors
    /// `intercept-unknown`; why it is not in force, or `intercept-waiting`.
    pub fn uid(&self, connection: &Id, name: &str) -> Result<String, Fault> {
        let standing = self.view(connection, name).ok_or_else(|| unknown(connection, name))?.standing;
        let early = || Fault::new(Code::InterceptWaiting, format!("the intercept {name} is not in the cluster yet"));
        standing.uid.ok_or_else(|| standing.cause.unwrap_or_else(early))
    }

    /// A connection is up: its intercepts go on.
    pub fn resume(&self, connection: &Id) {
        for entry in self.entries.lock().values().filter(|entry| entry.intercept.connection == *connection) {
            let leaving = self
                .desired
                .lock()
                .intercepts()
                .iter()
                .any(|other| other.is(connection, &entry.intercept.name) && other.leaving);
            if !entry.pursue(if leaving { Goal::Leave } else { Goal::Hold }) {
                entry.kick.notify_one();
            }
        }
    }

    /// A connection ends: its intercepts go from the cluster. Those that are wanted still come back with it.
    pub async fn release(&self, connection: &Id) {
        let releasing: Vec<watch::Receiver<Standing>> = {
            let mut entries = self.entries.lock();
            entries.retain(|(id, _), entry| id != connection || !entry.is_over());
            let of_it = entries.values().filter(|entry| entry.intercept.connection == *connection);
            of_it
                .map(|entry| {
                    entry.pursue(Goal::Release);
                    entry.standing.clone()
                })
                .collect()
        };
        let released = async {
            for mut standing in releasing {
                // An error means that the task has ended, and with it what it kept.
                let _ = standing.wait_for(|standing| standing.released).await;
            }
        };
        if timeout(limits::LEAVE, released).await.is_err() {
            tracing::warn!(
                connection = connection.name,
                "intercepts stay in the cluster until its manager sees the session end"
            );
        }
        if self.desired.lock().wishes().iter().all(|wish| wish.id != *connection) {
            self.entries.lock().retain(|(id, _), _| id != connection);
            self.deliveries.lock().remove(connection);
        }
        self.changed();
    }

    /// The deliveries of a connection, over any number of data planes.
    pub fn deliveries(&self, connection: &Id) -> Arc<Deliveries> {
        let mut deliveries = self.deliveries.lock();
        let new = || Arc::new(Deliveries::new(self.changes.clone()));
        Arc::clone(deliveries.entry(connection.clone()).or_insert_with(new))
    }

    /// Fires at each change of any intercept.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The intercepts of a connection, by name.
    pub fn views(&self, connection: &Id) -> Vec<View> {
        let entries = self.entries.lock();
        let of_it = entries.values().filter(|entry| entry.intercept.connection == *connection);
        of_it.map(|entry| self.shown(entry)).collect()
    }

    /// One intercept.
    pub fn view(&self, connection: &Id, name: &str) -> Option<View> {
        self.entries.lock().get(&(connection.clone(), name.to_owned())).map(|entry| self.shown(entry))
    }

    fn shown(&self, entry: &Entry) -> View {
        let standing = entry.standing.borrow().clone();
        let deliveries = self.deliveries.lock().get(&entry.intercept.connection).cloned();
        let handlers = entry.intercept.handlers().map(|(port, _)| port);
        let delivered = deliveries.as_ref().map(|deliveries| deliveries.delivered(handlers)).unwrap_or_default();
        let (pods, requests) = match (deliveries, &standing.uid) {
            (Some(deliveries), Some(uid)) if standing.phase != Phase::Ended => {
                (deliveries.pods(uid), deliveries.requests(uid))
            }
            _ => (Vec::new(), None),
        };
        let desired = self.desired.lock();
        let wanted =
            desired.intercepts().iter().find(|other| other.is(&entry.intercept.connection, &entry.intercept.name));
        let intercept = wanted.unwrap_or(&entry.intercept).clone();
        let mounted = self.mounted.lock().get(&(intercept.connection.clone(), intercept.name.clone())).cloned();
        View { intercept, standing, pods, mounted, delivered, requests }
    }

    fn has(&self, connection: &Id, name: &str) -> bool {
        self.entries.lock().contains_key(&(connection.clone(), name.to_owned()))
    }

    fn still_there(&self, connection: &Id, names: &[String]) -> Fault {
        let cause = names.iter().find_map(|name| self.view(connection, name)?.standing.cause);
        let cause = cause.unwrap_or_else(|| Fault::new(Code::ApiUnreachable, "the API server has not answered yet"));
        let detail = format!("nothing is delivered here any more, but the cluster can't be told yet: {}", cause.detail);
        Fault { detail, ..cause }.with_fix("Nothing: the cluster is told as soon as it can be reached.")
    }

    fn start(
        self: &Arc<Self>,
        entries: &mut BTreeMap<Key, Entry>,
        wish: &Wish,
        intercept: Intercept,
        goal: Goal,
    ) -> watch::Receiver<Standing> {
        let (goal, pursued) = watch::channel(goal);
        let (sender, standing) = watch::channel(Standing::of(&intercept));
        let kick = Arc::new(Notify::new());
        let key = (intercept.connection.clone(), intercept.name.clone());
        let keeper = Keeper::new(
            Arc::clone(&self.objects),
            Arc::clone(&self.desired),
            wish.clone(),
            intercept.clone(),
            sender,
            self.changes.clone(),
            Arc::clone(&kick),
        );
        self.mounted.lock().remove(&key);
        entries.insert(key.clone(), Entry { intercept, shut: false, goal, kick, standing: standing.clone() });
        let intercepts = Arc::clone(self);
        let own = standing.clone();
        tokio::spawn(async move {
            let end = keeper::run(keeper, pursued).await;
            intercepts.let_go(&key.0, &own).await;
            let mut entries = intercepts.entries.lock();
            // Another one may have taken its place.
            if let Some(entry) = entries.get_mut(&key).filter(|entry| entry.standing.same_channel(&own)) {
                entry.shut = true;
                if end != End::Shown {
                    entries.remove(&key);
                }
                intercepts.mounted.lock().remove(&key);
            }
            intercepts.set_handlers(&key.0, &entries);
            drop(entries);
            intercepts.changed();
        });
        standing
    }

    /// Waits until the agents have let go of an intercept that is over: until then what clients ask still comes here.
    async fn let_go(&self, connection: &Id, standing: &watch::Receiver<Standing>) {
        let Some(uid) = standing.borrow().uid.clone() else { return };
        let deliveries = self.deliveries(connection);
        let mut changes = self.changes.subscribe();
        let gone = changes.wait_for(|_| deliveries.pods(&uid).iter().all(|pod| !pod.applied));
        let _ = timeout(limits::LET_GO, gone).await;
    }

    /// Leads to handlers what comes for a connection's intercepts, until they are gone.
    fn set_handlers(&self, connection: &Id, entries: &BTreeMap<Key, Entry>) {
        let open = entries.iter().filter(|((id, _), entry)| id == connection && !entry.shut);
        let deliveries = self.deliveries(connection);
        deliveries.keep_requests(&open.clone().filter_map(|(_, entry)| entry.standing.borrow().uid.clone()).collect());
        deliveries.set_handlers(open.flat_map(|(_, entry)| entry.intercept.handlers()).collect());
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        self.standing.borrow().phase == Phase::Ended
    }

    /// Says whether that is another goal than before.
    fn pursue(&self, goal: Goal) -> bool {
        self.goal.send_if_modified(|present| std::mem::replace(present, goal) != goal)
    }
}

fn unknown(connection: &Id, name: &str) -> Fault {
    let detail = match name {
        "" => format!("the connection {} has no intercept", connection.name),
        _ => format!("the connection {} has no intercept called {name}", connection.name),
    };
    Fault::new(Code::InterceptUnknown, detail)
}
