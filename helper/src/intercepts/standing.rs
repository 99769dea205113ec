//! Where an intercept stands, as its object says it: pure functions.

use std::time::SystemTime;

use hawser_api::{Condition, ConditionStatus, Intercept as Object, InterceptPhase};
use hawser_fault::{Code, Fault};
use hawser_tunnel::proto::{AgentContainer, InterceptedPod};
use jiff::Timestamp;

use super::{Environment, View};
use crate::kubernetes::said;
use crate::store::intercepts::Intercept;

/// Where an intercept stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// How far it is.
    pub phase: Phase,
    /// Since when.
    pub since: SystemTime,
    /// What is being waited for, in words; empty when nothing is.
    pub step: String,
    /// Why it waits or has ended, or why nothing is heard of it.
    pub cause: Option<Fault>,
    /// The uid of its object, while there is one.
    pub uid: Option<String>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// It was given up for the time that its connection is down; nothing of it is in the cluster.
    pub released: bool,
    /// It was in force once.
    pub was_in_force: bool,
}

/// How far an intercept is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The cluster has not answered yet.
    Pending,
    /// The workload's pods are getting an agent.
    Preparing,
    /// Traffic goes to the laptop.
    Active,
    /// Traffic goes to the workload for now.
    Waiting,
    /// It is being taken away.
    Ending,
    /// It is gone, and nobody here asked for that.
    Ended,
}

impl Standing {
    /// Of an intercept of which nothing was heard yet.
    pub fn of(intercept: &Intercept) -> Self {
        Self {
            phase: Phase::Pending,
            since: SystemTime::now(),
            step: String::new(),
            cause: None,
            uid: intercept.uid.clone(),
            until: intercept.until,
            released: false,
            was_in_force: intercept.uid.is_some(),
        }
    }
}

/// Takes in what an object says.
pub(super) fn take_in(standing: &mut Standing, object: &Object) {
    let status = object.status.clone().unwrap_or_default();
    standing.phase = match status.phase.unwrap_or(InterceptPhase::Pending) {
        _ if object.metadata.deletion_timestamp.is_some() => Phase::Ending,
        InterceptPhase::Pending => Phase::Pending,
        InterceptPhase::Preparing => Phase::Preparing,
        InterceptPhase::Active => Phase::Active,
        InterceptPhase::Waiting => Phase::Waiting,
        InterceptPhase::Refused | InterceptPhase::Ending => Phase::Ending,
    };
    standing.step = match standing.phase {
        Phase::Pending => "waiting for the manager to answer".to_owned(),
        Phase::Preparing => untrue(&status.conditions)
            .map(|condition| condition.message.clone())
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| "bringing an agent into the workload's pods".to_owned()),
        Phase::Ending => "being taken down".to_owned(),
        Phase::Active | Phase::Waiting | Phase::Ended => String::new(),
    };
    standing.cause = match standing.phase {
        Phase::Waiting => fault(&status.conditions, Code::InterceptWaiting),
        Phase::Ending => fault(&status.conditions, Code::InterceptEnded),
        // What goes on is no fault unless it is said to be one.
        Phase::Preparing => untrue(&status.conditions)
            .filter(|condition| condition.code.is_some())
            .map(|condition| said(condition, Code::InterceptWaiting)),
        Phase::Pending | Phase::Active | Phase::Ended => None,
    };
    standing.uid.clone_from(&object.metadata.uid);
    standing.until = object.spec.until.as_ref().map(|until| until.0);
    standing.released = false;
}

/// Why the cluster does not want it, or no longer, if it said so.
pub(super) fn refusal(object: &Object) -> Option<Fault> {
    let status = object.status.as_ref()?;
    let (code, unexplained) = match status.phase? {
        InterceptPhase::Refused => (Code::InterceptRefused, "the manager refuses the intercept without a reason"),
        InterceptPhase::Ending => (Code::InterceptEnded, "the manager ends the intercept without a reason"),
        _ => return None,
    };
    Some(fault(&status.conditions, code).unwrap_or_else(|| Fault::new(code, unexplained)))
}

/// The annotation by which whoever deletes an intercept may say why.
const REASON: &str = "hawser.dev/reason";
/// Characters of it that are shown.
const REASON_SHOWN: usize = 200;

/// Why an object that was there is gone. Kubernetes does not tell who deleted it; the manager may have said so before.
pub(super) fn end(intercept: &Intercept, last: Option<&Object>, now: Timestamp) -> Fault {
    let said = last.and_then(|object| fault(&object.status.as_ref()?.conditions, Code::InterceptEnded));
    if let Some(said) = said.filter(|_| last.is_some_and(is_ending)) {
        return said;
    }
    let place = format!("{} in {}", intercept.workload.name, intercept.namespace);
    match last.map_or(intercept.until, |object| object.spec.until.as_ref().map(|until| until.0)) {
        Some(until) if until <= now => {
            Fault::new(Code::InterceptExpired, format!("the intercept of {place} was to end at {until}"))
        }
        _ => Fault::new(Code::InterceptEnded, deleted(intercept, last, &place)),
    }
}

/// Its policy lets nobody else delete it than its user and whoever may revoke.
fn deleted(intercept: &Intercept, last: Option<&Object>, place: &str) -> String {
    let who = match last {
        Some(object) => format!("{} or somebody with the right to revoke", object.spec.user),
        None => "its user or somebody with the right to revoke".to_owned(),
    };
    let object = &intercept.object;
    let text = format!("the intercept of {place} was deleted in the cluster as {object}, by {who}");
    let reason = last.and_then(|object| object.metadata.annotations.as_ref()?.get(REASON));
    match reason.map(|reason| reason.trim()).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{text}; the reason given: {}", reason.chars().take(REASON_SHOWN).collect::<String>()),
        None => format!("{text}, without a reason; the cluster's audit log knows who"),
    }
}

/// The container's environment and files, as a pod of the intercept has them: one that sends to this laptop before others.
pub(super) fn environment(view: &View) -> Result<Environment, Fault> {
    let (pod, container) = found(view)?;
    Ok(Environment { pod: pod.name.clone(), container: pod.containers[container].clone() })
}

/// The place of the container, by which its files are asked for.
pub(super) fn container(view: &View) -> Result<u16, Fault> {
    let (pod, container) = found(view)?;
    let AgentContainer { name, mounts, place, .. } = &pod.containers[container];
    if mounts.is_empty() {
        let detail = format!("the container {name} of the pod {} has no volumes, or none that may be seen", pod.name);
        return Err(Fault::new(Code::VolumesAbsent, detail));
    }
    u16::try_from(*place).map_err(|_| Fault::new(Code::LimitReached, "the pod has too many containers"))
}

fn found(view: &View) -> Result<(&InterceptedPod, usize), Fault> {
    let name = &view.intercept.workload.name;
    let told = |applied: bool| view.pods.iter().find(|pod| pod.applied == applied && !pod.containers.is_empty());
    let Some(pod) = told(true).or_else(|| told(false)) else {
        let absent = || Fault::new(Code::PodAbsent, format!("no pod of {name} has told of itself yet"));
        return Err(view.standing.cause.clone().unwrap_or_else(absent));
    };
    let wanted = view.intercept.container.as_deref();
    let container = pod.containers.iter().position(|container| wanted.is_none_or(|wanted| container.name == wanted));
    let Some(container) = container else {
        let names: Vec<&str> = pod.containers.iter().map(|container| container.name.as_str()).collect();
        let detail = format!(
            "the pod {} has no container {}; it has {}",
            pod.name,
            wanted.unwrap_or_default(),
            names.join(", ")
        );
        return Err(Fault::new(Code::ContainerUnknown, detail));
    };
    Ok((pod, container))
}

fn is_ending(object: &Object) -> bool {
    let phase = object.status.as_ref().and_then(|status| status.phase);
    object.metadata.deletion_timestamp.is_some()
        || matches!(phase, Some(InterceptPhase::Ending | InterceptPhase::Refused))
}

/// What the condition says that isn't as it should be; `otherwise` is the code of one that has none.
fn fault(conditions: &[Condition], otherwise: Code) -> Option<Fault> {
    untrue(conditions).map(|condition| said(condition, otherwise))
}

/// What has a code before what has none, `Ready` before others.
fn untrue(conditions: &[Condition]) -> Option<&Condition> {
    let untrue = conditions.iter().filter(|condition| condition.status == ConditionStatus::False);
    untrue.max_by_key(|condition| (condition.code.is_some(), condition.type_ == "Ready"))
}

#[cfg(test)]
mod tests {
    use hawser_api::{InterceptStatus, Time};

    use super::super::tests::object;
    use super::*;
    use crate::store::desired::Id;
    use crate::store::intercepts::tests::intercept;

    fn wanted() -> Intercept {
        intercept(&Id { owner: 1000, name: "shop".to_owned() }, "web")
    }

    fn condition(type_: &str, message: &str, code: Option<&str>) -> Condition {
        Condition {
            type_: type_.to_owned(),
            status: ConditionStatus::False,
            reason: "Any".to_owned(),
            message: message.to_owned(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
            code: code.map(str::to_owned),
            fix: code.map(|_| "Do the other.".to_owned()),
        }
    }

    fn with(phase: InterceptPhase, conditions: Vec<Condition>) -> Object {
        let status = InterceptStatus { phase: Some(phase), conditions };
        Object { status: Some(status), ..object(&wanted(), "u1") }
    }

    fn standing(object: &Object) -> Standing {
        let mut standing = Standing::of(&wanted());
        take_in(&mut standing, object);
        standing
    }

    #[test]
    fn each_phase_says_what_it_waits_for_and_why() {
        let quota =
            || vec![condition("Ready", "3 of 3 pods", None), condition("Injected", "no quota", Some("limit-reached"))];
        let none: fn() -> Vec<Condition> = Vec::new;
        for (object, phase, step, code) in [
            (object(&wanted(), "u1"), Phase::Pending, "waiting for the manager to answer", None),
            (
                with(InterceptPhase::Preparing, none()),
                Phase::Preparing,
                "bringing an agent into the workload's pods",
                None,
            ),
            (
                with(InterceptPhase::Preparing, vec![condition("Ready", "evicting web-1", None)]),
                Phase::Preparing,
                "evicting web-1",
                None,
            ),
            (
                with(InterceptPhase::Preparing, vec![condition("Ready", "web-1 stays", Some("eviction-blocked"))]),
                Phase::Preparing,
                "web-1 stays",
                Some(Code::EvictionBlocked),
            ),
            (
                with(InterceptPhase::Waiting, vec![condition("Ready", "no pods", None)]),
                Phase::Waiting,
                "",
                Some(Code::InterceptWaiting),
            ),
            (with(InterceptPhase::Active, quota()), Phase::Active, "", None),
            (with(InterceptPhase::Waiting, quota()), Phase::Waiting, "", Some(Code::LimitReached)),
            (with(InterceptPhase::Ending, none()), Phase::Ending, "being taken down", None),
        ] {
            let standing = standing(&object);
            let found = (standing.phase, standing.step.as_str(), standing.cause.map(|cause| cause.code));
            assert_eq!(found, (phase, step, code));
            assert_eq!(standing.uid.as_deref(), Some("u1"));
        }
    }

    #[test]
    fn a_refusal_carries_the_manager_s_words() {
        let refused = with(InterceptPhase::Refused, vec![condition("Ready", "ann holds it", Some("intercept-exists"))]);
        let fault = refusal(&refused).unwrap();
        assert_eq!(
            (fault.code, fault.detail.as_str(), fault.fix.as_str()),
            (Code::InterceptExists, "ann holds it", "Do the other.")
        );
        let unknown = with(InterceptPhase::Refused, vec![condition("Ready", "odd", Some("from-the-future"))]);
        assert_eq!(refusal(&unknown).unwrap().code, Code::InterceptRefused);
        assert_eq!(refusal(&with(InterceptPhase::Refused, Vec::new())).unwrap().code, Code::InterceptRefused);
        let expired = vec![condition("Ready", "its time is over", Some("intercept-expired"))];
        assert_eq!(refusal(&with(InterceptPhase::Ending, expired)).unwrap().code, Code::InterceptExpired);
        assert_eq!(refusal(&with(InterceptPhase::Waiting, Vec::new())), None);
    }

    #[test]
    fn why_an_object_is_gone() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let code = |last: Option<&Object>| end(&wanted(), last, now).code;
        assert_eq!(code(None), Code::InterceptEnded);
        assert_eq!(code(Some(&with(InterceptPhase::Active, Vec::new()))), Code::InterceptEnded);
        let old = vec![condition("Ready", "no pod", Some("pod-absent"))];
        assert_eq!(
            code(Some(&with(InterceptPhase::Waiting, old))),
            Code::InterceptEnded,
            "why it waited is not why it ended"
        );
        let last = |reason: Option<&str>| {
            let mut object = with(InterceptPhase::Active, Vec::new());
            object.metadata.annotations = reason.map(|reason| [(REASON.to_owned(), reason.to_owned())].into());
            end(&wanted(), Some(&object), now).detail
        };
        assert!(last(Some(" the shop is being moved\n")).ends_with("; the reason given: the shop is being moved"));
        assert!(last(Some(&"x".repeat(1_000))).len() < 400);
        for without in [Some(" "), None] {
            assert!(last(without).ends_with("to revoke, without a reason; the cluster's audit log knows who"));
        }
        let revoked = vec![condition("Ready", "admin ended it", Some("intercept-refused"))];
        assert_eq!(code(Some(&with(InterceptPhase::Ending, revoked))), Code::InterceptRefused);
        let mut expired = with(InterceptPhase::Active, Vec::new());
        expired.spec.until = Some(Time("2026-03-01T11:00:00Z".parse().unwrap()));
        assert_eq!(code(Some(&expired)), Code::InterceptExpired);
        let unseen = Intercept { until: expired.spec.until.as_ref().map(|until| until.0), ..wanted() };
        assert_eq!(end(&unseen, None, now).code, Code::InterceptExpired);
    }

    #[test]
    fn the_environment_is_that_of_the_wanted_container() {
        let container = |name: &str| AgentContainer { name: name.to_owned(), ..AgentContainer::default() };
        let pod = |name: &str, applied, containers: &[&str]| InterceptedPod {
            name: name.to_owned(),
            applied,
            containers: containers.iter().map(|name| container(name)).collect(),
            ..InterceptedPod::default()
        };
        let view = |wanted_container: Option<&str>, pods: Vec<InterceptedPod>| View {
            intercept: Intercept { container: wanted_container.map(str::to_owned), ..wanted() },
            standing: Standing::of(&wanted()),
            pods,
            mounted: None,
            delivered: crate::plane::Delivered::default(),
            requests: None,
        };
        let pods = vec![pod("web-0", false, &["app"]), pod("web-1", true, &["app", "proxy"])];
        let found = |wanted: Option<&str>| {
            environment(&view(wanted, pods.clone())).map(|found| (found.pod, found.container.name))
        };
        assert_eq!(found(None), Ok(("web-1".to_owned(), "app".to_owned())));
        assert_eq!(found(Some("proxy")), Ok(("web-1".to_owned(), "proxy".to_owned())));
        let fault = found(Some("db")).unwrap_err();
        assert_eq!(fault.code, Code::ContainerUnknown);
        assert!(fault.detail.ends_with("it has app, proxy"), "{fault}");
        assert_eq!(environment(&view(None, vec![pod("web-2", true, &[])])).unwrap_err().code, Code::PodAbsent);
        let fault = super::container(&view(Some("proxy"), pods.clone())).unwrap_err();
        assert_eq!(fault.code, Code::VolumesAbsent);
        let mut with_volumes = pods;
        let proxy = &mut with_volumes[1].containers[1];
        (proxy.mounts, proxy.place) = (vec!["/data".to_owned()], 7);
        assert_eq!(super::container(&view(Some("proxy"), with_volumes)), Ok(7));
        let waiting = Fault::new(Code::LimitReached, "no quota");
        let standing = Standing { cause: Some(waiting.clone()), ..Standing::of(&wanted()) };
        assert_eq!(environment(&View { standing, ..view(None, Vec::new()) }).unwrap_err(), waiting);
    }
}
