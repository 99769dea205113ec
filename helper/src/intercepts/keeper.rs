//! The task of one intercept: it makes the object, follows it, and takes it away.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use hawser_api::Intercept as Object;
use hawser_fault::{Code, Fault};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::object::{News, Objects};
use super::standing::{self, Phase, Standing};
use crate::connection::{Backoff, is_lasting};
use crate::limits;
use crate::store::desired::{Desired, Wish};
use crate::store::intercepts::Intercept;

/// What a keeper is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Nothing: the connection is not up yet.
    Rest,
    /// The object is there and followed.
    Hold,
    /// It is gone, and the wish with it.
    Leave,
    /// It is gone, and comes back with the connection if it is still wanted then.
    Release,
}

/// What becomes of an intercept whose keeper has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing of it is left.
    Gone,
    /// It was in force, and its user has to see what became of it.
    Shown,
}

/// See the module's description.
pub(super) struct Keeper<O> {
    objects: Arc<O>,
    desired: Arc<Mutex<Desired>>,
    wish: Wish,
    /// As it was last wanted.
    intercept: Mutex<Intercept>,
    standing: watch::Sender<Standing>,
    changes: watch::Sender<u64>,
    kick: Arc<Notify>,
    /// Its object was there once: what goes wrong from then on is an obstacle, and no refusal.
    made: AtomicBool,
    /// There may be an object.
    tried: AtomicBool,
    /// Held while the cluster is asked for one: what takes it away comes after that.
    making: Arc<tokio::sync::Mutex<()>>,
}

/// How following an object came to an end.
enum Followed {
    /// It is to be looked at anew.
    Again,
    /// The intercept is over.
    Over(Fault),
}

/// Works towards its goals until the intercept is over or nobody is left who has any.
pub(super) async fn run<O: Objects>(keeper: Keeper<O>, mut goal: watch::Receiver<Goal>) -> End {
    loop {
        let now = *goal.borrow_and_update();
        let work = async {
            match now {
                Goal::Rest => std::future::pending().await,
                Goal::Hold => Some(keeper.hold().await),
                Goal::Leave | Goal::Release => {
                    keeper.take_away().await;
                    None
                }
            }
        };
        let done = tokio::select! {
            biased;
            changed = goal.changed() => if changed.is_ok() { continue } else { return End::Gone },
            done = work => done,
        };
        match (done, now) {
            (Some(cause), _) => {
                let end = keeper.over(cause);
                if !keeper.made.load(Ordering::Relaxed) && keeper.tried.load(Ordering::Relaxed) {
                    // Whatever was answered, or lost on the way: nothing that nobody knows of stays.
                    tokio::spawn(timeout(limits::UNDO_INTERCEPT, async move { keeper.undo().await }));
                }
                return end;
            }
            (None, Goal::Release) if keeper.release() => {
                if goal.changed().await.is_err() {
                    return End::Gone;
                }
            }
            (None, _) => {
                keeper.forget();
                return End::Gone;
            }
        }
    }
}

impl<O: Objects> Keeper<O> {
    pub(super) fn new(
        objects: Arc<O>,
        desired: Arc<Mutex<Desired>>,
        wish: Wish,
        intercept: Intercept,
        standing: watch::Sender<Standing>,
        changes: watch::Sender<u64>,
        kick: Arc<Notify>,
    ) -> Self {
        let made = intercept.uid.is_some();
        Self {
            objects,
            desired,
            wish,
            intercept: Mutex::new(intercept),
            standing,
            changes,
            kick,
            made: made.into(),
            tried: made.into(),
            making: Arc::default(),
        }
    }

    /// Keeps the object there until the intercept is over; says why it is.
    async fn hold(&self) -> Fault {
        let mut backoff = Backoff::new();
        self.publish(|standing| standing.released = false);
        loop {
            let fault = match self.follow().await {
                Ok(Followed::Over(cause)) => return cause,
                Ok(Followed::Again) => {
                    backoff = Backoff::new();
                    continue;
                }
                Err(fault) => fault,
            };
            if !self.made.load(Ordering::Relaxed) {
                return fault;
            }
            self.hindered(&fault, &mut backoff).await;
        }
    }

    /// Sees to it that the object is there, and follows it for a while.
    async fn follow(&self) -> Result<Followed, Fault> {
        let Some(intercept) = self.wanted() else {
            // Whoever took the wish away says by a goal what follows.
            return std::future::pending().await;
        };
        let over = |last: Option<&Object>| Ok(Followed::Over(standing::end(&intercept, last, Timestamp::now())));
        let object = match &intercept.uid {
            Some(uid) => match self.objects.get(&self.wish, &intercept).await? {
                Some(object) if object.metadata.uid.as_ref() == Some(uid) => object,
                _ => return over(None),
            },
            None => self.make(&intercept).await?,
        };
        self.made.store(true, Ordering::Relaxed);
        if let Some(end) = self.take_in(&intercept, &object).await {
            return Ok(Followed::Over(end));
        }
        let version = object.metadata.resource_version.clone().unwrap_or_default();
        let mut news = self.objects.watch(&self.wish, &intercept, version);
        let enough = sleep(limits::FOLLOW_OBJECT);
        tokio::pin!(enough);
        loop {
            tokio::select! {
                news = news.recv() => match news {
                    Some(Ok(News::Now(object))) => if let Some(end) = self.take_in(&intercept, &object).await {
                        return Ok(Followed::Over(end));
                    },
                    Some(Ok(News::Gone(object))) => return over(Some(&object)),
                    Some(Err(fault)) => return Err(fault),
                    None => return Ok(Followed::Again),
                },
                () = self.kick.notified() => return Ok(Followed::Again),
                () = &mut enough => return Ok(Followed::Again),
            }
        }
    }

    /// Makes the object, or takes up the one that was made before its uid could be written down.
    async fn make(&self, intercept: &Intercept) -> Result<Object, Fault> {
        self.publish(|standing| "asking the cluster for the intercept".clone_into(&mut standing.step));
        self.tried.store(true, Ordering::Relaxed);
        // Not to be dropped half-way: a later deletion could overtake it.
        let (making, objects) = (Arc::clone(&self.making).lock_owned().await, Arc::clone(&self.objects));
        let (wish, wanted) = (self.wish.clone(), intercept.clone());
        let made = tokio::spawn(async move {
            let _making = making;
            objects.create(&wish, &wanted).await
        });
        let made = made.await.map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        let object = match made? {
            Some(object) => object,
            None => self.found(intercept).await?,
        };
        let uid = object.metadata.uid.clone();
        self.change(|intercept| intercept.uid = uid)?;
        Ok(object)
    }

    async fn found(&self, intercept: &Intercept) -> Result<Object, Fault> {
        let found = self.objects.get(&self.wish, intercept).await?;
        found.filter(|object| self.objects.is_own(&self.wish, object)).ok_or_else(|| {
            let detail = format!("the namespace {} has another intercept {}", intercept.namespace, intercept.object);
            Fault::new(Code::InterceptExists, detail)
        })
    }

    /// Publishes what an object says. Says why the intercept is over if it is refused or ended; then it is the owner's to delete.
    async fn take_in(&self, intercept: &Intercept, object: &Object) -> Option<Fault> {
        self.publish(|standing| standing::take_in(standing, object));
        let until = object.spec.until.as_ref().map(|until| until.0);
        if intercept.until != until
            && let Err(fault) = self.change(|intercept| intercept.until = until)
        {
            tracing::warn!(%fault, "another end of an intercept is forgotten at the next start");
        }
        let refusal = standing::refusal(object)?;
        if let Err(fault) = self.objects.delete(&self.wish, intercept).await {
            tracing::debug!(%fault, "an intercept that is over stays in the cluster");
        }
        Some(refusal)
    }

    /// Deletes the object, however often it takes.
    async fn take_away(&self) {
        self.wanted();
        let intercept = self.intercept.lock().clone();
        if !self.tried.load(Ordering::Relaxed) {
            return;
        }
        let mut backoff = Backoff::new();
        self.publish(|standing| {
            standing.phase = Phase::Ending;
            "taking it out of the cluster".clone_into(&mut standing.step);
        });
        let _making = self.making.lock().await;
        while let Err(fault) = self.objects.delete(&self.wish, &intercept).await {
            self.hindered(&fault, &mut backoff).await;
        }
    }

    /// Deletes an object of which nobody knows whether it was made, unless it is another laptop's.
    async fn undo(&self) {
        let mut intercept = self.intercept.lock().clone();
        let mut backoff = Backoff::new();
        loop {
            let undone = async {
                let object = self.objects.get(&self.wish, &intercept).await?;
                let Some(object) = object.filter(|object| self.objects.is_own(&self.wish, object)) else {
                    return Ok(());
                };
                intercept.uid = object.metadata.uid;
                self.objects.delete(&self.wish, &intercept).await
            };
            let Err(fault) = undone.await else { return };
            tracing::debug!(intercept = intercept.name, %fault, "an intercept may stay in the cluster");
            sleep(backoff.next()).await;
        }
    }

    /// Shows what is in the way, and waits until it is worth trying again.
    async fn hindered(&self, fault: &Fault, backoff: &mut Backoff) {
        tracing::debug!(intercept = self.name(), %fault, "nothing is known of an intercept now");
        self.publish(|standing| standing.cause = Some(fault.clone()));
        let wait = if is_lasting(fault.code) { limits::RETRY_FAILED } else { backoff.next() };
        tokio::select! {
            () = sleep(wait) => {}
            () = self.kick.notified() => {}
        }
    }

    /// Nothing of it is in the cluster any more. Says whether it is still wanted.
    fn release(&self) -> bool {
        self.tried.store(false, Ordering::Relaxed);
        // Another name, since the former object may take its time to go.
        let wanted = self.change(|intercept| (intercept.uid, intercept.object) = (None, object_name(&intercept.name)));
        self.publish(|standing| {
            standing.phase = Phase::Pending;
            standing.step.clear();
            (standing.cause, standing.uid, standing.released) = (None, None, true);
        });
        wanted.unwrap_or_else(|fault| {
            tracing::warn!(%fault, "an intercept that was taken down will look deleted");
            true
        })
    }

    /// It is over, and nobody here asked for that.
    fn over(&self, cause: Fault) -> End {
        tracing::info!(connection = self.wish.id.name, intercept = self.name(), %cause, "an intercept is over");
        self.forget();
        let in_force = self.standing.borrow().was_in_force;
        self.publish(|standing| {
            standing.phase = Phase::Ended;
            standing.step.clear();
            standing.cause = Some(cause);
        });
        if in_force { End::Shown } else { End::Gone }
    }

    fn forget(&self) {
        let name = self.name();
        if let Err(fault) = self.desired.lock().remove_intercept(&self.wish.id, &name) {
            tracing::warn!(intercept = name, %fault, "an intercept that is over stays wanted");
        }
    }

    fn wanted(&self) -> Option<Intercept> {
        let mut last = self.intercept.lock();
        let desired = self.desired.lock();
        let wanted = desired.intercepts().iter().find(|intercept| intercept.is(&self.wish.id, &last.name))?;
        last.clone_from(wanted);
        Some(last.clone())
    }

    /// Changes what is wanted. Says whether it still is.
    fn change(&self, change: impl FnOnce(&mut Intercept)) -> Result<bool, Fault> {
        let name = self.name();
        let changed = self.desired.lock().change_intercept(&self.wish.id, &name, change);
        self.wanted();
        changed
    }

    fn name(&self) -> String {
        self.intercept.lock().name.clone()
    }

    fn publish(&self, change: impl FnOnce(&mut Standing)) {
        let changed = self.standing.send_if_modified(|standing| {
            let former = standing.clone();
            change(standing);
            if standing.phase != former.phase {
                standing.since = SystemTime::now();
            }
            standing.was_in_force |= matches!(standing.phase, Phase::Active | Phase::Waiting);
            *standing != former
        });
        if changed {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

/// A name for the object of an intercept, another one each time.
pub(super) fn object_name(intercept: &str) -> String {
    let random = RandomState::new().hash_one(0) & 0xf_ffff;
    format!("{intercept}-{random:05x}")
}
