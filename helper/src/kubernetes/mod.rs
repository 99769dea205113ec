//! Connections to Kubernetes: who the user is, the session that says so, and the ways to the manager that follow from it.
//!
//! The helper speaks with API servers by itself, but never finds out by itself who somebody is there: that it asks the user's
//! companion, and keeps the answer in memory alone.

mod asking;
mod carriers;
mod companions;
mod credential;
mod session;
mod ways;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto;
use hawser_kube::Api;
use hawser_tunnel::identity::Pin;
use http::Method;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use crate::limits;
use crate::plane::Ways;
use crate::store::desired::{Id, Kubernetes, Wish};

use asking::Asking;
use carriers::Carriers;
pub use companions::Companions;
pub use session::{is_kind_unknown, name as session_name, said, user_in};

/// What is known of each connection's cluster.
pub struct Clusters {
    /// Those who say who the users are.
    pub companions: Arc<Companions>,
    known: Arc<Mutex<HashMap<Id, Known>>>,
    asking: Asking,
    carriers: Carriers,
}

/// An API server as the connection's user sees it, until the credential expires.
#[derive(Clone)]
struct Known {
    api: Api,
    /// Host and port of what is dialled: the server, or the proxy before it.
    dialled: String,
    /// What the companion said of the server.
    server: proto::Access,
    /// When it was last asked for that.
    looked: tokio::time::Instant,
    expires: Option<SystemTime>,
    /// A person had to give the credential.
    attended: bool,
    /// When to ask for another credential.
    renew: SystemTime,
}

impl Clusters {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            companions: Arc::default(),
            known: Arc::default(),
            asking: Asking::default(),
            carriers: Carriers::default(),
        }
    }

    /// The ways to the manager for the connection with this key; makes the session that lets it in.
    ///
    /// # Errors
    /// `login-required` and whatever the companion says, `api-unreachable` and its like, `rights-missing`, `manager-absent`,
    /// `session-refused`.
    pub async fn ways(
        &self,
        wish: &Wish,
        cluster: &Kubernetes,
        key: Pin,
        step: &(dyn Fn(&str) + Sync),
    ) -> Result<Ways, Fault> {
        self.follow_kubeconfig(wish, cluster).await;
        self.asking_with(wish, cluster, step, |api| Self::replicas(api, wish, cluster, key, step)).await
    }

    /// The connection's API server as its user sees it.
    ///
    /// # Errors
    /// `login-required` and whatever the companion says.
    pub async fn api(&self, wish: &Wish, cluster: &Kubernetes) -> Result<Api, Fault> {
        Ok(self.known(wish, cluster, &|_| {}).await?.api)
    }

    /// Asks the connection's API server as its user; once more with a new credential if it does not know the user.
    ///
    /// # Errors
    /// As [`Clusters::api`], and what `ask` comes to.
    pub async fn asking<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        wish: &Wish,
        cluster: &Kubernetes,
        ask: impl Fn(Api) -> F,
    ) -> Result<T, Fault> {
        self.asking_with(wish, cluster, &|_| {}, ask).await
    }

    /// There and back to the connection's API server, past the tunnel as everything of the connection goes. `None` while nobody knows
    /// who the user is to it, or it does not answer.
    pub async fn round_trip(&self, id: &Id) -> Option<Duration> {
        let api = self.known.lock().get(id)?.api.clone();
        let ask = async || {
            let begun = Instant::now();
            api.answer(Method::GET, "/version", None).await.ok().map(|_| begun.elapsed())
        };
        // The first one may have to dial.
        let (first, second) = (ask().await?, ask().await?);
        Some(first.min(second))
    }

    /// The addresses over which the connection's API server is reached.
    pub async fn carriers(&self, id: &Id) -> Vec<IpAddr> {
        let known = self.known.lock().get(id).cloned();
        let places = known.map(|known| vec![known.dialled, known.api.address()]).unwrap_or_default();
        self.carriers.of(id, places).await
    }

    /// Asks for another credential whenever one is about to expire: a link that breaks is replaced without waiting for that.
    pub async fn keep_known(&self, wish: &Wish, cluster: &Kubernetes) -> Infallible {
        let mut arrivals = self.companions.arrivals();
        loop {
            let known = self.known.lock().get(&wish.id).cloned();
            // A token file is read when it's needed; a plugin that tells no end isn't run in vain.
            let Some(Known { renew, expires: Some(_), attended, .. }) = known else {
                sleep(limits::UNENDING_CREDENTIAL).await;
                continue;
            };
            let due = match renew.duration_since(SystemTime::now()) {
                Ok(left) => tokio::select! {
                    // By steps, since the clock can be set and the laptop can sleep.
                    () = sleep(left.min(limits::RENEW_AHEAD)) => false,
                    // Somebody may have logged in before they had to.
                    _ = arrivals.changed() => attended,
                },
                Err(_) => true,
            };
            if due && let Err(fault) = self.ask(wish, cluster).await {
                tracing::debug!(connection = wish.id.name, %fault, "the credential is not renewed yet");
                sleep(limits::RETRY_RENEWAL).await;
            }
        }
    }

    /// When what a person had to log in with ends. What a program obtains by itself is nobody's concern.
    pub fn login_expires(&self, id: &Id) -> Option<SystemTime> {
        self.known.lock().get(id).filter(|known| known.attended)?.expires
    }

    /// Finds out again who the user is to the cluster.
    ///
    /// # Errors
    /// What the companion says; `login-required` if there is none.
    pub async fn recall(&self, wish: &Wish, cluster: &Kubernetes) -> Result<(), Fault> {
        self.known(wish, cluster, &|_| {}).await.map(drop)
    }

    /// Deletes the session, so that nothing of the connection is left in the cluster.
    pub async fn leave(&self, wish: &Wish, cluster: &Kubernetes, key: Pin) {
        if !self.known.lock().contains_key(&wish.id) {
            return;
        }
        let delete = self.asking_with(wish, cluster, &|_| {}, |api| async move {
            session::delete(&api, &cluster.manager_namespace, key).await.map_err(Fault::from)
        });
        let deleted: Result<Result<(), Fault>, _> = timeout(limits::LEAVE, delete).await;
        if !matches!(deleted, Ok(Ok(()))) {
            tracing::warn!(connection = wish.id.name, "the session stays in the cluster until it expires");
        }
        self.asking.forget(&wish.id);
        self.carriers.forget(&wish.id);
        self.forget(&wish.id);
    }

    /// Asks the API server as the user; once more as whom the companion names anew, if the server does not know them.
    async fn asking_with<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        wish: &Wish,
        cluster: &Kubernetes,
        step: &(dyn Fn(&str) + Sync),
        ask: impl Fn(Api) -> F,
    ) -> Result<T, Fault> {
        let known = self.known(wish, cluster, step).await?;
        match ask(known.api).await {
            // The server may know the user no more, whatever the credential says of its own end.
            Err(fault) if fault.code == Code::LoginRequired => {
                self.forget(&wish.id);
                let known = self.known(wish, cluster, step).await?;
                ask(known.api).await
            }
            answer => answer,
        }
    }

    fn forget(&self, id: &Id) {
        self.known.lock().remove(id);
    }

    /// What is known of the wish's cluster; the companion is asked if it's time to, or nothing is known.
    async fn known(&self, wish: &Wish, cluster: &Kubernetes, step: &(dyn Fn(&str) + Sync)) -> Result<Known, Fault> {
        let present = self.known.lock().get(&wish.id).cloned();
        let now = SystemTime::now();
        match present {
            Some(known) if known.renew > now => Ok(known),
            present => {
                step("asking who you are to the cluster");
                let holds = |known: &Known| known.expires.is_some_and(|at| at > now);
                self.ask(wish, cluster).await.or_else(|fault| present.filter(holds).ok_or(fault))
            }
        }
    }

    async fn replicas(
        api: Api,
        wish: &Wish,
        cluster: &Kubernetes,
        key: Pin,
        step: &(dyn Fn(&str) + Sync),
    ) -> Result<Ways, Fault> {
        let replicas = session::admitted(&api, cluster, key, step).await?;
        let ways = ways::of(&api, &cluster.manager_namespace, &replicas);
        step(&format!("dialling the manager in {}", cluster.manager_namespace));
        if ways.base.is_empty() {
            let detail = format!("the session of {} names no replica of the manager", wish.id.name);
            return Err(Fault::new(Code::ManagerAbsent, detail));
        }
        Ok(ways)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use hawser_ipc::proto::companion_answer::Answer;
    use hawser_ipc::proto::{self, CompanionAnswer, CompanionRequest};
    use tokio::sync::mpsc;

    use super::*;
    use crate::store::desired::Target;

    async fn answer(
        clusters: &Clusters,
        requests: &mut mpsc::Receiver<CompanionRequest>,
        attended: bool,
        end: SystemTime,
    ) {
        let id = requests.recv().await.unwrap().id;
        let expires = end.duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let access = proto::Access { server: "https://127.0.0.1:1".into(), attended, expires, ..Default::default() };
        clusters.companions.answer(1000, CompanionAnswer { id, answer: Some(Answer::Access(access)) });
    }

    fn wish() -> (Wish, Kubernetes) {
        let cluster = Kubernetes {
            profile: String::new(),
            server: "127.0.0.1:1".to_owned(),
            context: "dev".to_owned(),
            namespace: "default".to_owned(),
            manager_namespace: "hawser".to_owned(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        };
        let id = Id { owner: 1000, name: "dev".to_owned() };
        (Wish { id, target: Target::Kubernetes(cluster.clone()), index: 0 }, cluster)
    }

    #[tokio::test(start_paused = true)]
    async fn an_edited_kubeconfig_leads_the_next_dial_elsewhere() {
        use hawser_ipc::proto::companion_request::Request;
        let clusters = Arc::new(Clusters::new());
        let (wish, cluster) = wish();
        let mut requests = clusters.companions.arrive(1000);
        // Whether the companion says at once where the cluster is, and where that is.
        let (says, said) = tokio::sync::watch::channel((true, 1));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (companion, counted) = (Arc::clone(&clusters), Arc::clone(&asked));
        let answering = tokio::spawn(async move {
            while let Some(CompanionRequest { id, request }) = requests.recv().await {
                let (at_once, port) = *said.borrow();
                let is_server = matches!(request, Some(Request::Server(_)));
                counted.lock().push(if is_server { "server" } else { "credential" });
                if !is_server || at_once {
                    let access = proto::Access { server: format!("https://127.0.0.1:{port}"), ..Default::default() };
                    let answer = CompanionAnswer { id, answer: Some(Answer::Access(access)) };
                    companion.companions.answer(1000, answer);
                }
            }
        });
        let key: Pin = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let dial = async || {
            let fault = clusters.ways(&wish, &cluster, key, &|_| {}).await.err().unwrap();
            (fault.code, fault.detail.contains("127.0.0.1:1"), std::mem::take(&mut *asked.lock()))
        };
        assert_eq!(dial().await, (Code::ApiUnreachable, true, vec!["credential"]));
        assert_eq!(dial().await.2, [""; 0], "it has just said so");
        tokio::time::advance(limits::KUBECONFIG_AGAIN).await;
        assert_eq!(dial().await, (Code::ApiUnreachable, true, vec!["server"]));
        tokio::time::advance(limits::KUBECONFIG_AGAIN).await;
        says.send_replace((false, 2));
        assert_eq!(dial().await, (Code::ApiUnreachable, true, vec!["server"]), "nothing waits for who does not say");
        tokio::time::advance(limits::KUBECONFIG_AGAIN).await;
        says.send_replace((true, 2));
        assert_eq!(dial().await, (Code::ApiUnreachable, false, vec!["server", "credential"]));
        answering.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_dial_that_is_given_up_leaves_its_question_to_the_next_one() {
        let clusters = Clusters::new();
        let (wish, cluster) = wish();
        let mut requests = clusters.companions.arrive(1000);
        let given_up = timeout(Duration::from_secs(5), clusters.recall(&wish, &cluster)).await;
        assert!(given_up.is_err(), "a plugin takes its time");
        let end = SystemTime::now() + Duration::from_secs(3_600);
        let answered = async {
            tokio::task::yield_now().await;
            answer(&clusters, &mut requests, false, end).await;
        };
        let (one, two, ()) = tokio::join!(clusters.recall(&wish, &cluster), clusters.recall(&wish, &cluster), answered);
        assert_eq!((one, two), (Ok(()), Ok(())));
        assert!(requests.try_recv().is_err(), "it was asked once");
    }

    #[tokio::test]
    async fn the_end_of_what_a_person_gave_is_told_and_another_login_is_taken_up_at_once() {
        let clusters = Clusters::new();
        let (wish, cluster) = wish();
        let id = wish.id.clone();
        let mut requests = clusters.companions.arrive(1000);
        // As exact as the contract is.
        let hour = |hours: u32| UNIX_EPOCH + Duration::from_secs(3_600) * (hours + 1_000_000);
        assert_eq!(clusters.login_expires(&id), None);
        let (known, ()) =
            tokio::join!(clusters.recall(&wish, &cluster), answer(&clusters, &mut requests, false, hour(1)));
        known.unwrap();
        assert_eq!(clusters.login_expires(&id), None, "a program can obtain another one");

        clusters.forget(&id);
        let (known, ()) =
            tokio::join!(clusters.recall(&wish, &cluster), answer(&clusters, &mut requests, true, hour(1)));
        known.unwrap();
        assert_eq!(clusters.login_expires(&id), Some(hour(1)));
        let again = async {
            clusters.companions.logged_in();
            answer(&clusters, &mut requests, true, hour(9)).await;
            while clusters.login_expires(&id) != Some(hour(9)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            never = clusters.keep_known(&wish, &cluster) => match never {},
            done = timeout(Duration::from_secs(10), again) => done.unwrap(),
        }
    }
}
