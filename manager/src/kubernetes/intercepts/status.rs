//! A verdict, written into the intercept's status.

use hawser_api::{Condition, ConditionStatus, Intercept, InterceptPhase, InterceptStatus, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::Intercepts;
use crate::intercepts::verdict::Verdict;

/// The one condition that an intercept has.
const READY: &str = "Ready";

impl Intercepts {
    /// Writes the verdict unless the status says it already.
    pub(super) async fn write(&self, intercept: &Intercept, verdict: &Verdict) -> Result<(), kube::Error> {
        let former = intercept.status.clone().unwrap_or_default();
        let status = status(&former, verdict, intercept.metadata.generation);
        if status == former {
            return Ok(());
        }
        tracing::info!(
            intercept = intercept.name_any(),
            namespace = intercept.namespace(),
            user = intercept.spec.user,
            phase = ?verdict.phase,
            reason = verdict.reason,
            "an intercept changes"
        );
        let api: Api<Intercept> = Api::namespaced(self.client.clone(), &intercept.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(&intercept.name_any(), &PatchParams::default(), &patch).await.map(|_| ())
    }
}

fn status(former: &InterceptStatus, verdict: &Verdict, generation: Option<i64>) -> InterceptStatus {
    let holds = if verdict.phase == InterceptPhase::Active { ConditionStatus::True } else { ConditionStatus::False };
    let former = former.conditions.iter().find(|condition| condition.type_ == READY);
    // To the second, as the API server keeps it.
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let since = former.filter(|former| former.status == holds).map(|former| former.last_transition_time.clone());
    let condition = Condition {
        type_: READY.to_owned(),
        status: holds,
        reason: verdict.reason.to_owned(),
        message: verdict.message.clone(),
        last_transition_time: since.unwrap_or(Time(now)),
        observed_generation: generation,
        code: verdict.fault.as_ref().map(|fault| fault.code.as_str().to_owned()),
        fix: verdict.fault.as_ref().map(|fault| fault.fix.clone()),
    };
    InterceptStatus { phase: Some(verdict.phase), conditions: vec![condition] }
}
