//! Sessions: who may come in, what each is told of the replicas, and which are dead.
//!
//! Every replica does the same for every session: it lets the session's key in, then says so in an entry of its own in the
//! session's status. There is no leader to wait for.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hawser_api::{ADMITTED, Condition, ConditionStatus, Replica, Session, SessionPhase};
use hawser_tunnel::SOFTWARE;
use hawser_tunnel::identity::Pin;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::watcher::Config;
use kube::{Api, Client, ResourceExt};
use parking_lot::{Mutex, RwLock};
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::endpoints::Endpoints;
use super::mirror::{Mirror, follow};
use super::policy::{self, Proof};
use super::replicas::Replicas;
use super::rights::User;
use super::settings::{Direct, Place};
use crate::limits;

/// The sessions of this manager's namespace.
pub struct Sessions {
    api: Api<Session>,
    client: Client,
    place: Place,
    own: Replica,
    endpoints: Arc<Endpoints>,
    replicas: Arc<Replicas>,
    known: RwLock<Known>,
    /// Links that are there now, by key.
    links: Mutex<HashMap<Pin, usize>>,
    policy_holds: AtomicBool,
    leaving: AtomicBool,
    wake: Notify,
    /// Fires when a session comes, goes or gives a sign of life.
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct Known {
    sessions: Mirror<Admitted>,
    /// The session of each key.
    by_pin: HashMap<Pin, Admitted>,
}

/// What is kept of a session.
#[derive(Clone, Debug, PartialEq)]
struct Admitted {
    name: String,
    pin: Pin,
    user: User,
    /// The connection's.
    namespace: String,
    replicas: Vec<Replica>,
    ready: bool,
    /// Its status says that it lets nobody in.
    refused: bool,
    created: Timestamp,
    /// The last sign of life; when it was created, before the first.
    seen: Timestamp,
}

impl Sessions {
    /// Begins to follow them.
    pub fn follow(client: &Client, place: Place, pin: Pin, direct: Direct) -> Arc<Self> {
        let changes = watch::Sender::new(());
        let own = Replica {
            pod: place.pod.clone(),
            address: place.address.to_string(),
            port: place.port,
            key: pin.to_string(),
            software: SOFTWARE.to_owned(),
            endpoints: Vec::new(),
        };
        let sessions = Arc::new(Self {
            api: Api::namespaced(client.clone(), &place.namespace),
            client: client.clone(),
            replicas: Replicas::follow(client, &place.namespace, changes.clone()),
            endpoints: Endpoints::follow(client, &place, direct, changes.clone()),
            place,
            own,
            known: RwLock::default(),
            links: Mutex::default(),
            policy_holds: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            wake: Notify::new(),
            changes: watch::Sender::new(()),
        });
        let (following, api) = (sessions.clone(), sessions.api.clone());
        tokio::spawn(async move {
            let told = |event| {
                if following.known.write().take(event) {
                    following.wake.notify_one();
                    following.changes.send_replace(());
                }
            };
            follow(api, Config::default(), told).await;
        });
        tokio::spawn(sessions.clone().prove());
        tokio::spawn(sessions.clone().keep(changes.subscribe()));
        sessions
    }

    /// The namespace of the connection that this key may have; `None` if it may have none.
    pub fn namespace_of(&self, pin: Pin) -> Option<String> {
        self.admitted(pin, |session| session.namespace.clone())
    }

    /// The user behind this key.
    pub fn user_of(&self, pin: Pin) -> Option<User> {
        self.admitted(pin, |session| session.user.clone())
    }

    fn admitted<T>(&self, pin: Pin, get: impl FnOnce(&Admitted) -> T) -> Option<T> {
        if !self.policy_holds.load(Ordering::Relaxed) {
            return None;
        }
        self.known.read().by_pin.get(&pin).map(get)
    }

    /// The key of the session with this name.
    pub fn pin_of(&self, name: &str) -> Option<Pin> {
        self.find(name, |session| session.pin)
    }

    /// Whose the session with this name is, and how long it gave no sign of life.
    pub fn named(&self, name: &str) -> Option<(String, Duration)> {
        let links = self.links.lock();
        self.find(name, |session| {
            let silent = Timestamp::now().duration_since(session.seen).unsigned_abs();
            let silent = if links.contains_key(&session.pin) { Duration::ZERO } else { silent };
            (session.user.name.clone(), silent)
        })
    }

    /// Where the manager's replicas are.
    pub fn replicas(&self) -> Vec<IpAddr> {
        self.replicas.addresses()
    }

    /// Fires when something may have changed of what is known of a session.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn find<T>(&self, name: &str, get: impl FnOnce(&Admitted) -> T) -> Option<T> {
        let known = self.known.read();
        known.sessions.values().find(|session| session.name == name).map(get)
    }

    /// Whether sessions can be admitted.
    pub fn is_ready(&self) -> bool {
        self.policy_holds.load(Ordering::Relaxed) && self.known.read().sessions.is_complete()
    }

    /// A link with this key begins or has ended.
    pub fn linked(&self, pin: Pin, there: bool) {
        {
            let mut links = self.links.lock();
            let count = links.entry(pin).or_default();
            *count = if there { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                links.remove(&pin);
            }
        }
        self.wake.notify_one();
    }

    /// Takes this replica out of the status of every session.
    pub async fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.see_to_all().await;
    }

    /// Sees to it that nobody is admitted unless the policy holds.
    async fn prove(self: Arc<Self>) {
        loop {
            let proof = policy::prove(&self.client, &self.place.namespace).await;
            let held = self.policy_holds.swap(proof == Proof::Holds, Ordering::Relaxed);
            match &proof {
                Proof::Holds if held => {}
                Proof::Holds => {
                    tracing::info!("the admission policy is in force");
                    self.wake.notify_one();
                }
                Proof::Absent => {
                    tracing::error!("the admission policy is not in force; nobody is let in");
                    self.refuse_all().await;
                }
                Proof::Unknown(reason) => {
                    tracing::error!(
                        reason,
                        "whether the admission policy is in force cannot be told; nobody is let in"
                    );
                }
            }
            let wait = if proof == Proof::Holds { limits::PROVE_AGAIN } else { Duration::from_secs(1) };
            tokio::time::sleep(wait).await;
        }
    }

    /// Brings the status of sessions up to date whenever something has changed, and now and then.
    async fn keep(self: Arc<Self>, mut replicas: watch::Receiver<()>) {
        let mut beat = tokio::time::interval(limits::SEEN_EVERY);
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                _ = replicas.changed() => {}
                _ = beat.tick() => {}
            }
            if self.is_ready() {
                self.see_to_all().await;
            }
        }
    }

    async fn see_to_all(&self) {
        let living = self.replicas.living();
        let own = Replica { endpoints: self.endpoints.get(), ..self.own.clone() };
        let sessions: Vec<Admitted> = self.known.read().sessions.values().cloned().collect();
        for session in sessions {
            if let Err(error) = self.see_to(&session, &own, living.as_ref()).await {
                tracing::debug!(session = session.name, %error, "the session's status stays as it is");
            }
        }
    }

    async fn see_to(
        &self,
        session: &Admitted,
        own: &Replica,
        living: Option<&HashSet<String>>,
    ) -> Result<(), kube::Error> {
        let now = Timestamp::now();
        let linked = self.links.lock().contains_key(&session.pin);
        let silent = now.duration_since(session.seen).unsigned_abs();
        if !linked && silent > limits::SESSION_SILENCE {
            tracing::info!(session = session.name, "a session is over: its laptop is gone");
            return self.api.delete(&session.name, &DeleteParams::default()).await.map(|_| ());
        }
        let leaving = self.leaving.load(Ordering::Relaxed);
        if !leaving && (!session.ready || !session.replicas.contains(own)) {
            self.announce(&session.name, own).await?;
        }
        if session.refused {
            self.patch(&session.name, &json!({ "status": { "conditions": [] } })).await?;
        }
        if linked && silent >= limits::SEEN_EVERY {
            let seen = json!({ "status": { "lastSeen": now.to_string() } });
            self.patch(&session.name, &seen).await?;
        }
        let gone = |replica: &Replica| {
            (leaving && replica.pod == own.pod) || living.is_some_and(|living| !living.contains(&replica.pod))
        };
        if session.replicas.iter().any(gone) {
            self.withdraw_dead(&session.name, gone).await?;
        }
        Ok(())
    }

    /// Says of every session that it lets nobody in, since anybody could have made it.
    async fn refuse_all(&self) {
        let sessions: Vec<Admitted> = self.known.read().sessions.values().cloned().collect();
        for session in sessions.iter().filter(|session| session.ready || !session.refused) {
            let condition = Condition {
                type_: ADMITTED.to_owned(),
                status: ConditionStatus::False,
                reason: "PolicyAbsent".to_owned(),
                message: "the cluster takes sessions in anybody's name, so the manager lets nobody in: the chart's \
                          ValidatingAdmissionPolicy for sessions, or its binding, is missing"
                    .to_owned(),
                last_transition_time: Time(Timestamp::now()),
                observed_generation: None,
                code: Some("session-refused".to_owned()),
                fix: Some("An administrator brings it back with: hawser cluster upgrade, or helm upgrade".to_owned()),
            };
            let status =
                json!({ "status": { "phase": SessionPhase::Pending, "replicas": [], "conditions": [condition] } });
            if let Err(error) = self.patch(&session.name, &status).await {
                tracing::debug!(session = session.name, %error, "the session's status stays as it is");
            }
        }
    }

    /// Says that this replica lets the session in.
    async fn announce(&self, session: &str, own: &Replica) -> Result<(), kube::Error> {
        let status = json!({
            "apiVersion": "hawser.dev/v1alpha1",
            "kind": "Session",
            "status": { "phase": SessionPhase::Ready, "replicas": [own] },
        });
        let parameters = PatchParams::apply(&format!("hawser-{}", self.place.pod)).force();
        self.api.patch_status(session, &parameters, &Patch::Apply(&status)).await.map(|_| ())
    }

    /// Takes replicas that are gone out of the status, unless somebody else was faster.
    async fn withdraw_dead(&self, session: &str, gone: impl Fn(&Replica) -> bool) -> Result<(), kube::Error> {
        let present = self.api.get(session).await?;
        let replicas = present.status.as_ref().map(|status| status.replicas.as_slice()).unwrap_or_default();
        let living: Vec<&Replica> = replicas.iter().filter(|replica| !gone(replica)).collect();
        let status = json!({
            "metadata": { "resourceVersion": present.resource_version() },
            "status": { "replicas": living },
        });
        self.patch(session, &status).await
    }

    async fn patch(&self, session: &str, status: &serde_json::Value) -> Result<(), kube::Error> {
        self.api.patch_status(session, &PatchParams::default(), &Patch::Merge(status)).await.map(|_| ())
    }
}

impl Known {
    /// True if something is to be done about it.
    fn take(&mut self, event: kube::runtime::watcher::Event<Session>) -> bool {
        let changed = self.sessions.take(event, admitted);
        if changed {
            let mut sessions: Vec<&Admitted> = self.sessions.values().collect();
            // A key is its maker's: who names it later has read it in the first one's session.
            sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
            self.by_pin = sessions.into_iter().map(|session| (session.pin, session.clone())).collect();
        }
        changed
    }
}

/// `None` for what lets nobody in.
fn admitted(session: &Session) -> Option<Admitted> {
    let status = session.status.clone().unwrap_or_default();
    if session.metadata.deletion_timestamp.is_some() || status.phase == Some(SessionPhase::Ended) {
        return None;
    }
    let created = session.metadata.creation_timestamp.as_ref()?.0;
    Some(Admitted {
        name: session.name_any(),
        pin: session.spec.key.parse().ok()?,
        user: User {
            name: session.spec.user.clone(),
            uid: session.spec.uid.clone(),
            groups: session.spec.groups.clone(),
            extra: session.spec.extra.clone(),
        },
        namespace: session.spec.namespace.clone(),
        replicas: status.replicas,
        ready: status.phase == Some(SessionPhase::Ready),
        refused: status.conditions.iter().any(|condition| condition.type_ == ADMITTED),
        created,
        seen: status.last_seen.map_or(created, |time| time.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_api::{Client as Host, SessionSpec};
    use kube::runtime::watcher::Event;

    fn session(name: &str, user: &str, second: i64) -> Session {
        let mut session = Session::new(
            name,
            SessionSpec {
                user: user.to_owned(),
                uid: None,
                groups: Vec::new(),
                extra: Default::default(),
                key: format!("sha256:{}", "a".repeat(64)),
                namespace: "default".to_owned(),
                client: Host { host: "vm".to_owned(), version: "1".to_owned() },
            },
        );
        session.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).unwrap()));
        session
    }

    #[test]
    fn a_key_is_its_first_session_s() {
        let pin: Pin = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        for order in [["ann", "eve"], ["eve", "ann"]] {
            let mut known = Known::default();
            for user in order {
                known.take(Event::Apply(session(user, user, if user == "ann" { 1 } else { 2 })));
            }
            assert_eq!(known.by_pin[&pin].user.name, "ann");
            known.take(Event::Delete(session("ann", "ann", 1)));
            assert_eq!(known.by_pin[&pin].user.name, "eve");
        }
    }

    #[test]
    fn what_has_ended_lets_nobody_in() {
        let mut ended = session("a", "ann", 1);
        ended.status = Some(hawser_api::SessionStatus { phase: Some(SessionPhase::Ended), ..Default::default() });
        assert_eq!(admitted(&ended), None);
        let mut leaving = session("a", "ann", 1);
        leaving.metadata.deletion_timestamp = Some(Time(Timestamp::from_second(2).unwrap()));
        assert_eq!(admitted(&leaving), None);
    }
}
