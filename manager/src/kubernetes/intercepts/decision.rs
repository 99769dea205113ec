//! What the leading replica does: it decides where each intercept stands, and has pods replaced.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hawser_api::{Intercept, InterceptPhase, Mode};
use hawser_fault::{Code, Fault};
use k8s_openapi::jiff::Timestamp;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use tokio::time::sleep;

use super::{Intercepts, phase, since};
use crate::injection::resolution::ResolvedPort;
use crate::intercepts::overlap::overlap;
use crate::intercepts::verdict::{Facts, Pod, Session, Verdict};
use crate::limits;

impl Intercepts {
    /// Brings the status of those that are not settled up to date, or of `all`. Those that wait are looked at if something has
    /// `happened`.
    pub(super) async fn decide(self: &Arc<Self>, known: &[Arc<Intercept>], all: bool, happened: bool) {
        let is_settled = |phase| phase == InterceptPhase::Active || phase == InterceptPhase::Waiting && !happened;
        let is_open = |intercept: &Arc<Intercept>| {
            let phase = phase(intercept);
            let is_over = intercept.metadata.deletion_timestamp.is_some() || phase == InterceptPhase::Refused;
            !is_over && (all || !is_settled(phase) || has_expired(intercept) || self.is_troubled(intercept))
        };
        let open: Vec<Arc<Intercept>> = known.iter().filter(|intercept| is_open(intercept)).cloned().collect();
        let known: Arc<[Arc<Intercept>]> = known.into();
        let mut deciding = FuturesUnordered::new();
        for intercept in open {
            if deciding.len() >= limits::DECISIONS {
                deciding.next().await;
            }
            deciding.push(self.clone().decide_one(intercept, known.clone()));
        }
        while deciding.next().await.is_some() {}
    }

    async fn decide_one(self: Arc<Self>, intercept: Arc<Intercept>, known: Arc<[Arc<Intercept>]>) {
        if has_expired(&intercept) {
            return self.expire(&intercept).await;
        }
        let verdict = self.facts(&intercept, &known).await.verdict();
        if let Err(error) = self.write(&intercept, &verdict).await {
            tracing::debug!(intercept = intercept.name_any(), %error, "the status stays as it is");
            return;
        }
        if verdict.replace && verdict.phase == InterceptPhase::Preparing {
            self.replace_pods(&intercept);
        }
        if verdict.fault.is_some_and(|fault| fault.code == Code::PodsNotReady) {
            self.restore(&intercept);
        }
    }

    async fn facts(&self, intercept: &Intercept, known: &[Arc<Intercept>]) -> Facts {
        let spec = &intercept.spec;
        let uid = intercept.uid().unwrap_or_default();
        let namespace = intercept.namespace().unwrap_or_default();
        let session = self.sessions.named(&spec.session).map(|(user, silent)| Session { user, silent });
        let mut facts = Facts {
            phase: phase(intercept),
            age: since(intercept.metadata.creation_timestamp.as_ref().map(|time| time.0)),
            user: spec.user.clone(),
            session,
            objection: None,
            holder: None,
            pods: Vec::new(),
            notes: Vec::new(),
            trouble: None,
        };
        if !facts.has_laptop() {
            return facts;
        }
        let (ports, objection) = match self.look_up(intercept).await {
            Ok(found) => (found.ports, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        // Whatever speaks against it is told before a pod is touched.
        let (notes, objection) = match objection {
            None if phase(intercept) == InterceptPhase::Pending => match self.workloads.preview(intercept).await {
                Ok(preview) => (preview.notes, None),
                Err(fault) => (Vec::new(), Some(fault)),
            },
            objection => (Vec::new(), objection),
        };
        let applied = self.exchange.applied(&uid);
        let pods = self.workloads.pods(&namespace, &spec.workload).await;
        let (pods, trouble) = match pods {
            Ok(pods) => (pods, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let lacking = self.workloads.lacking(intercept, &pods).await;
        let pods = pods
            .iter()
            .map(|pod| Pod {
                ready: pod.ready,
                has_agent: !lacking.contains(&pod.uid),
                applied: applied.contains(&pod.uid),
            })
            .collect();
        facts.holder = self.holder(intercept, &ports, known);
        facts.trouble = trouble.or_else(|| self.replacing.lock().get(&uid).cloned().flatten());
        Facts { objection, pods, notes, ..facts }
    }

    /// Who has a port that this one wants, and asked for it before.
    fn holder(&self, intercept: &Intercept, ports: &[ResolvedPort], known: &[Arc<Intercept>]) -> Option<String> {
        let takes = |intercept: &Intercept| matches!(intercept.spec.mode, Mode::Intercept | Mode::Replace);
        if !takes(intercept) {
            return None;
        }
        let http = |intercept: &Intercept| intercept.spec.filters.clone().and_then(|filters| filters.http);
        let own_http = http(intercept);
        let found = self.found.lock();
        let rival = known.iter().find(|other| {
            other.uid() != intercept.uid()
                && other.namespace() == intercept.namespace()
                && other.spec.workload == intercept.spec.workload
                && takes(other)
                && holds(other)
                && comes_before(other, intercept)
                && overlap(own_http.as_ref(), http(other).as_ref())
                && found.get(&other.uid().unwrap_or_default()).is_some_and(|theirs| {
                    theirs.ports.iter().any(|their| ports.iter().any(|own| own.port == their.port))
                })
        })?;
        Some(format!("{} (intercept {})", rival.spec.user, rival.name_any()))
    }

    fn is_troubled(&self, intercept: &Intercept) -> bool {
        self.replacing.lock().contains_key(&intercept.uid().unwrap_or_default())
    }

    /// Has pods without an agent replaced; one try at a time.
    fn replace_pods(self: &Arc<Self>, intercept: &Arc<Intercept>) {
        let uid = intercept.uid().unwrap_or_default();
        if self.replacing.lock().insert(uid.clone(), None).is_some() {
            return;
        }
        let (intercepts, intercept) = (self.clone(), intercept.clone());
        tokio::spawn(async move {
            // Every replica's webhook has to know of the decision before a new pod is asked about.
            sleep(limits::DECISION_SPREADS).await;
            let namespace = intercept.namespace().unwrap_or_default();
            let outcome = intercepts.workloads.replace_pods(&namespace, &intercept.spec.workload).await;
            if let Err(fault) = outcome {
                tracing::info!(intercept = intercept.name_any(), %fault, "pods are not replaced");
                intercepts.replacing.lock().insert(uid.clone(), Some(fault));
                intercepts.changes.send_replace(());
                sleep(limits::REPLACE_AGAIN).await;
            }
            intercepts.replacing.lock().remove(&uid);
            intercepts.changes.send_replace(());
        });
    }

    /// Gives pods back that do not start with an agent.
    fn restore(self: &Arc<Self>, intercept: &Arc<Intercept>) {
        let (intercepts, intercept) = (self.clone(), intercept.clone());
        tokio::spawn(async move {
            sleep(limits::DECISION_SPREADS).await;
            let namespace = intercept.namespace().unwrap_or_default();
            if let Err(fault) = intercepts.workloads.remove_agents(&namespace, &intercept.spec.workload).await {
                tracing::warn!(intercept = intercept.name_any(), %fault, "pods with an agent that does not start stay");
            }
        });
    }

    /// Its time is over: says so, then deletes it.
    async fn expire(&self, intercept: &Intercept) {
        let message = "its time is over".to_owned();
        let fault = Some(Fault::new(Code::InterceptExpired, message.clone()));
        let verdict = Verdict { phase: InterceptPhase::Ending, reason: "Expired", message, fault, replace: false };
        if self.write(intercept, &verdict).await.is_ok() {
            let api: Api<Intercept> = Api::namespaced(self.client.clone(), &intercept.namespace().unwrap_or_default());
            if let Err(error) = api.delete(&intercept.name_any(), &DeleteParams::default()).await {
                tracing::warn!(intercept = intercept.name_any(), %error, "an expired intercept stays");
            }
        }
    }
}

fn has_expired(intercept: &Intercept) -> bool {
    intercept.spec.until.as_ref().is_some_and(|until| until.0 <= Timestamp::now())
}

/// Whether it has its ports, so that others cannot.
fn holds(intercept: &Intercept) -> bool {
    let phase = phase(intercept);
    intercept.metadata.deletion_timestamp.is_none()
        && !matches!(phase, InterceptPhase::Refused | InterceptPhase::Waiting | InterceptPhase::Ending)
}

/// Whether the other one has to stand back. What has begun is not displaced by what has not, whoever asked first: times of creation
/// have whole seconds.
fn comes_before(one: &Intercept, other: &Intercept) -> bool {
    match (phase(one), phase(other)) {
        (_, InterceptPhase::Waiting) => return true,
        (InterceptPhase::Pending, InterceptPhase::Pending) => {}
        (InterceptPhase::Pending, _) => return false,
        (_, InterceptPhase::Pending) => return true,
        _ => {}
    }
    let key = |intercept: &Intercept| {
        (intercept.metadata.creation_timestamp.as_ref().map(|time| time.0), intercept.uid().unwrap_or_default())
    };
    key(one) < key(other)
}
