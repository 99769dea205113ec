//! Intercepts of a pretended cluster.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hawser_api::{
    Condition, ConditionStatus, Intercept as Object, InterceptPhase, InterceptSpec, InterceptStatus, Time,
};
use tokio::sync::mpsc;

use super::object::News;
use super::*;
use crate::store::desired::{Kubernetes, Target};
use crate::store::intercepts::tests::intercept as wanted;

/// The object that is made for an intercept.
pub fn object(intercept: &Intercept, uid: &str) -> Object {
    let spec = InterceptSpec {
        user: "ann".to_owned(),
        session: "laptop-1".to_owned(),
        session_namespace: None,
        workload: intercept.workload.clone(),
        container: None,
        mode: intercept.mode,
        ports: intercept.ports.clone(),
        filters: None,
        until: intercept.until.map(Time),
    };
    let mut object = Object::new(&intercept.object, spec);
    object.metadata.uid = Some(uid.to_owned());
    object
}

/// An API server with one namespace, as one helper sees it.
#[derive(Clone, Default)]
struct Pretend {
    state: Arc<Mutex<State>>,
    /// The helper was killed: nothing that it asks is answered.
    killed: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    watchers: Vec<(String, mpsc::Sender<Result<News, Fault>>)>,
    /// What was done, in order.
    done: Vec<String>,
    /// What the next calls fail with.
    faults: VecDeque<Code>,
    /// The server can't be reached.
    down: bool,
    /// What is made is not answered.
    loses_answers: bool,
    made: AtomicU64,
}

impl Pretend {
    async fn call(&self, what: &str) -> Result<parking_lot::MutexGuard<'_, State>, Fault> {
        if self.killed.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut state = self.state.lock();
        if state.down {
            return Err(Fault::new(Code::ApiUnreachable, "no route in this test"));
        }
        if let Some(code) = state.faults.pop_front() {
            return Err(Fault::new(code, format!("{what} fails in this test")));
        }
        state.done.push(what.to_owned());
        Ok(state)
    }

    /// What the manager makes of the only object.
    fn answer(&self, phase: InterceptPhase, code: Option<Code>) {
        let mut state = self.state.lock();
        let object = state.objects.values_mut().next().expect("an object to answer");
        let condition = code.map(|code| Condition {
            type_: "Ready".to_owned(),
            status: ConditionStatus::False,
            reason: "InThisTest".to_owned(),
            message: "says the manager".to_owned(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
            code: Some(code.as_str().to_owned()),
            fix: None,
        });
        object.status = Some(InterceptStatus { phase: Some(phase), conditions: condition.into_iter().collect() });
        let news = object.clone();
        state.tell(&news, |object| News::Now(Box::new(object)));
    }

    /// Somebody deletes the only object.
    fn revoke(&self) {
        let mut state = self.state.lock();
        let (_, object) = state.objects.pop_first().expect("an object to delete");
        state.tell(&object, |object| News::Gone(Box::new(object)));
    }

    fn take_done(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().done)
    }

    fn names(&self) -> Vec<String> {
        self.state.lock().objects.keys().cloned().collect()
    }
}

impl State {
    fn tell(&mut self, object: &Object, news: impl Fn(Object) -> News) {
        let name = object.metadata.name.clone().unwrap_or_default();
        self.watchers.retain(|(_, watcher)| !watcher.is_closed());
        for (_, watcher) in self.watchers.iter().filter(|(watched, _)| *watched == name) {
            watcher.try_send(Ok(news(object.clone()))).unwrap();
        }
    }
}

impl Objects for Pretend {
    async fn get(&self, _: &Wish, intercept: &Intercept) -> Result<Option<Object>, Fault> {
        Ok(self.call("get").await?.objects.get(&intercept.object).cloned())
    }

    async fn create(&self, _: &Wish, intercept: &Intercept) -> Result<Option<Object>, Fault> {
        let mut state = self.call("create").await?;
        if state.objects.contains_key(&intercept.object) {
            return Ok(None);
        }
        let made = object(intercept, &format!("u{}", state.made.fetch_add(1, Ordering::Relaxed)));
        state.objects.insert(intercept.object.clone(), made.clone());
        if state.loses_answers {
            return Err(Fault::new(Code::ApiUnreachable, "the answer is lost in this test"));
        }
        Ok(Some(made))
    }

    async fn delete(&self, _: &Wish, intercept: &Intercept) -> Result<(), Fault> {
        let mut state = self.call("delete").await?;
        if let Some(object) = state.objects.remove(&intercept.object) {
            state.tell(&object, |object| News::Gone(Box::new(object)));
        }
        Ok(())
    }

    async fn extend(&self, _: &Wish, intercept: &Intercept, until: Option<Timestamp>) -> Result<(), Fault> {
        let mut state = self.call("extend").await?;
        state.objects.get_mut(&intercept.object).unwrap().spec.until = until.map(Time);
        Ok(())
    }

    fn watch(&self, _: &Wish, intercept: &Intercept, _: String) -> mpsc::Receiver<Result<News, Fault>> {
        let (sender, news) = mpsc::channel(8);
        self.state.lock().watchers.push((intercept.object.clone(), sender));
        news
    }

    fn is_own(&self, _: &Wish, object: &Object) -> bool {
        object.spec.session == "laptop-1"
    }
}

struct Laptop {
    dir: tempfile::TempDir,
    wish: Wish,
    desired: Arc<Mutex<Desired>>,
    cluster: Pretend,
    intercepts: Arc<Intercepts<Pretend>>,
}

impl Laptop {
    fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), Pretend::default())
    }

    fn in_dir(dir: tempfile::TempDir, cluster: Pretend) -> Self {
        let kubernetes = Kubernetes {
            profile: String::new(),
            server: "api:6443".to_owned(),
            context: "rig".to_owned(),
            namespace: "shop".to_owned(),
            manager_namespace: "hawser".to_owned(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        };
        let id = Id { owner: 1000, name: "rig".to_owned() };
        let wish = Wish { id, target: Target::Kubernetes(kubernetes), index: 0 };
        let mut desired = Desired::load(dir.path().join("desired.json"));
        desired.add(wish.clone()).unwrap();
        let desired = Arc::new(Mutex::new(desired));
        let intercepts = Intercepts::new(cluster.clone(), Arc::clone(&desired));
        Self { dir, wish, desired, cluster, intercepts }
    }

    /// The helper is killed and comes back.
    fn again(self) -> Self {
        self.cluster.killed.store(true, Ordering::Relaxed);
        self.cluster.state.lock().watchers.clear();
        let again = Self::in_dir(self.dir, Pretend { state: self.cluster.state, ..Pretend::default() });
        again.intercepts.restore();
        again
    }

    fn ask(&self) -> Result<watch::Receiver<Standing>, Fault> {
        self.intercepts.ask(&self.wish, wanted(&self.wish.id, "web"))
    }

    /// Asked for, and in force.
    async fn active(&self) -> watch::Receiver<Standing> {
        let mut standing = self.ask().unwrap();
        reaches(&mut standing, |standing| standing.uid.is_some()).await;
        self.cluster.answer(InterceptPhase::Active, None);
        reaches(&mut standing, |standing| standing.phase == Phase::Active).await;
        standing
    }

    fn kept(&self) -> Vec<Option<String>> {
        let path = self.dir.path().join("desired.json");
        Desired::load(path).intercepts().iter().map(|intercept| intercept.uid.clone()).collect()
    }

    async fn until(&self, state: impl Fn(&[View]) -> bool) -> Vec<View> {
        let mut changes = self.intercepts.changes();
        let views = || self.intercepts.views(&self.wish.id);
        tokio::time::timeout(Duration::from_secs(120), changes.wait_for(|_| state(&views())))
            .await
            .expect("in time")
            .unwrap();
        views()
    }
}

async fn reaches(standing: &mut watch::Receiver<Standing>, state: impl FnMut(&Standing) -> bool) -> Standing {
    let reached = tokio::time::timeout(Duration::from_secs(120), standing.wait_for(state)).await;
    reached.expect("in time").expect("the keeper lives").clone()
}

#[tokio::test(start_paused = true)]
async fn an_intercept_is_made_followed_and_left() {
    let laptop = Laptop::new();
    let mut standing = laptop.active().await;
    assert_eq!(laptop.cluster.take_done(), ["create"]);
    assert_eq!(laptop.kept(), [Some("u0".to_owned())]);
    assert!(laptop.ask().unwrap().same_channel(&standing), "the same again is the same");

    laptop.cluster.answer(InterceptPhase::Waiting, Some(Code::PodAbsent));
    let waiting = reaches(&mut standing, |standing| standing.phase == Phase::Waiting).await;
    assert_eq!(waiting.cause.unwrap().code, Code::PodAbsent);
    laptop.cluster.answer(InterceptPhase::Active, None);
    let active = reaches(&mut standing, |standing| standing.phase == Phase::Active).await;
    assert_eq!(active.cause, None);

    assert_eq!(laptop.intercepts.leave(&laptop.wish.id, "web").await, Ok(vec!["web".to_owned()]));
    assert!(laptop.cluster.names().is_empty() && laptop.kept().is_empty());
    assert!(laptop.intercepts.views(&laptop.wish.id).is_empty());
    assert_eq!(laptop.intercepts.leave(&laptop.wish.id, "web").await.unwrap_err().code, Code::InterceptUnknown);
    assert_eq!(laptop.intercepts.leave(&laptop.wish.id, "").await, Ok(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn what_the_cluster_refuses_leaves_nothing() {
    let laptop = Laptop::new();
    laptop.cluster.state.lock().faults.push_back(Code::RightsMissing);
    let over = reaches(&mut laptop.ask().unwrap(), |standing| standing.phase == Phase::Ended).await;
    assert_eq!(over.cause.unwrap().code, Code::RightsMissing);
    laptop.until(<[View]>::is_empty).await;
    assert!(laptop.kept().is_empty());

    let mut standing = laptop.ask().unwrap();
    reaches(&mut standing, |standing| standing.uid.is_some()).await;
    laptop.cluster.answer(InterceptPhase::Refused, Some(Code::WorkloadUnknown));
    let over = reaches(&mut standing, |standing| standing.phase == Phase::Ended).await;
    assert_eq!(over.cause.unwrap().code, Code::WorkloadUnknown);
    laptop.until(<[View]>::is_empty).await;
    assert!(laptop.kept().is_empty() && laptop.cluster.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_made_without_an_answer_does_not_stay() {
    let laptop = Laptop::new();
    laptop.cluster.state.lock().loses_answers = true;
    let mut standing = laptop.ask().unwrap();
    let ended = reaches(&mut standing, |standing| standing.phase == Phase::Ended).await;
    assert_eq!(ended.cause.unwrap().code, Code::ApiUnreachable);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(laptop.cluster.names(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_deletes_is_not_made_again_and_is_shown() {
    let laptop = Laptop::new();
    let mut standing = laptop.active().await;
    laptop.cluster.revoke();
    let over = reaches(&mut standing, |standing| standing.phase == Phase::Ended).await;
    assert_eq!(over.cause.unwrap().code, Code::InterceptEnded);
    let views = laptop.until(|views| views.iter().all(|view| view.standing.phase == Phase::Ended)).await;
    assert_eq!(views.len(), 1, "its user has to see why");
    assert!(laptop.kept().is_empty() && laptop.cluster.names().is_empty());

    laptop.active().await;
    assert_eq!(laptop.intercepts.views(&laptop.wish.id).len(), 1, "asked for again it takes the place");
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_the_helper_was_away_is_not_made_again() {
    let laptop = Laptop::new();
    laptop.active().await;
    laptop.cluster.revoke();
    let laptop = laptop.again();
    laptop.intercepts.resume(&laptop.wish.id);
    let views = laptop.until(|views| views.iter().all(|view| view.standing.phase == Phase::Ended)).await;
    assert_eq!(views[0].standing.cause.as_ref().unwrap().code, Code::InterceptEnded);
    assert!(laptop.cluster.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_killed_helper_finds_its_object_again() {
    let laptop = Laptop::new();
    laptop.active().await;
    let before = laptop.cluster.names();
    let laptop = laptop.again();
    laptop.cluster.take_done();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(laptop.cluster.take_done().is_empty(), "nothing before the connection is up");
    laptop.intercepts.resume(&laptop.wish.id);
    laptop.until(|views| views[0].standing.phase == Phase::Active).await;
    assert_eq!((laptop.cluster.take_done(), laptop.cluster.names()), (vec!["get".to_owned()], before));
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_uid_was_kept_takes_up_its_own_object() {
    let laptop = Laptop::new();
    laptop.active().await;
    laptop.desired.lock().change_intercept(&laptop.wish.id, "web", |intercept| intercept.uid = None).unwrap();
    let laptop = laptop.again();
    laptop.intercepts.resume(&laptop.wish.id);
    laptop.until(|views| views[0].standing.phase == Phase::Active).await;
    assert_eq!(laptop.kept(), [Some("u0".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_for_a_while_takes_its_intercepts_with_it() {
    let laptop = Laptop::new();
    laptop.active().await;
    laptop.intercepts.release(&laptop.wish.id).await;
    assert!(laptop.cluster.names().is_empty());
    assert_eq!(laptop.kept(), [None], "it is still wanted");
    laptop.intercepts.resume(&laptop.wish.id);
    laptop.until(|views| views[0].standing.uid.is_some()).await;
    assert_eq!(laptop.kept(), [Some("u1".to_owned())]);

    laptop.desired.lock().remove(&laptop.wish.id).unwrap();
    laptop.intercepts.release(&laptop.wish.id).await;
    assert!(laptop.cluster.names().is_empty() && laptop.kept().is_empty());
    assert!(laptop.intercepts.views(&laptop.wish.id).is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_an_api_server_the_cluster_is_told_later() {
    let laptop = Laptop::new();
    let standing = laptop.active().await;
    laptop.cluster.state.lock().down = true;
    laptop.intercepts.resume(&laptop.wish.id);
    laptop.until(|views| views[0].standing.cause.is_some()).await;
    assert_eq!(standing.borrow().phase, Phase::Active, "what is known stands");

    let fault = laptop.intercepts.leave(&laptop.wish.id, "web").await.unwrap_err();
    assert_eq!(fault.code, Code::ApiUnreachable);
    assert_eq!(laptop.ask().unwrap_err().code, Code::InterceptExists, "it is on its way out");
    assert_eq!(laptop.kept().len(), 1, "the cluster has to be told, by another helper if need be");
    let laptop = laptop.again();
    laptop.cluster.state.lock().down = false;
    laptop.intercepts.resume(&laptop.wish.id);
    laptop.until(<[View]>::is_empty).await;
    assert!(laptop.cluster.names().is_empty() && laptop.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn time_can_be_had_and_is_over() {
    let laptop = Laptop::new();
    let mut standing = laptop.active().await;
    let past = Timestamp::UNIX_EPOCH;
    let view = laptop.intercepts.extend(&laptop.wish, "web", Some(past)).await.unwrap();
    assert_eq!(view.intercept.until, Some(past));
    laptop.cluster.revoke();
    let over = reaches(&mut standing, |standing| standing.phase == Phase::Ended).await;
    assert_eq!(over.cause.unwrap().code, Code::InterceptExpired);
    let fault = laptop.intercepts.extend(&laptop.wish, "web", None).await.unwrap_err();
    assert_eq!(fault.code, Code::InterceptUnknown);
}
