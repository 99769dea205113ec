//! Questions to a companion that go on when whoever asked them is gone: a plugin that somebody has to wait for is run once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto;
use hawser_kube::Api;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Clusters, Known, credential};
use crate::limits;
use crate::store::desired::{Id, Kubernetes, Wish};

/// The open question of each connection, with its number.
#[derive(Default)]
pub(super) struct Asking {
    open: Arc<Mutex<HashMap<Id, (u64, Question)>>>,
    next: AtomicU64,
}

type Question = Shared<BoxFuture<'static, Result<Known, Fault>>>;

impl Asking {
    /// Nobody wants the answer any more.
    pub fn forget(&self, id: &Id) {
        self.open.lock().remove(id);
    }
}

impl Clusters {
    /// Asks the companion who the user is, or waits for the answer if it was asked before.
    pub(super) async fn ask(&self, wish: &Wish, cluster: &Kubernetes) -> Result<Known, Fault> {
        let question = {
            let mut open = self.asking.open.lock();
            match open.get(&wish.id) {
                Some((_, question)) => question.clone(),
                None => {
                    let number = self.asking.next.fetch_add(1, Ordering::Relaxed);
                    let question = self.question(number, wish, cluster);
                    open.insert(wish.id.clone(), (number, question.clone()));
                    question
                }
            }
        };
        question.await
    }

    fn question(&self, number: u64, wish: &Wish, cluster: &Kubernetes) -> Question {
        let (companions, known, open) =
            (Arc::clone(&self.companions), Arc::clone(&self.known), Arc::clone(&self.asking.open));
        let (id, profile) = (wish.id.clone(), cluster.profile.clone());
        let asked = tokio::spawn(async move {
            let answer = companions.ask(id.owner, &id.name, &profile).await.and_then(take_in);
            let mut open = open.lock();
            if open.get(&id).is_some_and(|(present, _)| *present == number) {
                open.remove(&id);
                if let Ok(answer) = &answer {
                    known.lock().insert(id, answer.clone());
                }
            }
            answer
        });
        let failed = |error| Err(Fault::new(Code::Internal, format!("the companion was not asked: {error}")));
        asked.map(move |answer| answer.unwrap_or_else(failed)).boxed().shared()
    }

    /// Forgets what is known if the user's kubeconfig says by now that the cluster is elsewhere. As long as nobody says that, it is
    /// where it was.
    pub(super) async fn follow_kubeconfig(&self, wish: &Wish, cluster: &Kubernetes) {
        let known = self.known.lock().get(&wish.id).map(|known| (known.looked, known.server.clone()));
        let Some((_, former)) = known.filter(|(looked, _)| looked.elapsed() >= limits::KUBECONFIG_AGAIN) else {
            return;
        };
        let server = self.companions.server(wish.id.owner, &wish.id.name, &cluster.profile).await;
        if let Some(server) = server.filter(|server| *server != former) {
            tracing::info!(connection = wish.id.name, "the kubeconfig leads elsewhere by now");
            tracing::debug!(former = former.server, now = server.server, "server");
            self.forget(&wish.id);
        } else if let Some(known) = self.known.lock().get_mut(&wish.id) {
            known.looked = Instant::now();
        }
    }
}

fn take_in(answer: proto::Access) -> Result<Known, Fault> {
    let server = proto::Access { credential: None, expires: 0, attended: false, ..answer.clone() };
    let attended = answer.attended;
    let (access, expires) = credential::access(answer)?;
    let api = Api::new(&access).map_err(Fault::from)?;
    let dialled = match &access.server.proxy {
        Some(proxy) => format!("{}:{}", proxy.host, proxy.port),
        None => api.address(),
    };
    let renew = credential::renewal(SystemTime::now(), expires);
    Ok(Known { api, dialled, server, looked: Instant::now(), expires, attended, renew })
}
