//! Checks of what intercepts need, made by the managers of connections that are up.

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Check, Outcome};
use hawser_tunnel::proto::Trial;

use super::doctor::check;
use crate::connection::{self, Host};
use crate::connections::{Connections, View, may_see};
use crate::intercepts::{Intercepts, Objects, Phase};
use crate::store::desired::Target;

/// Makes them for the connections that `caller` may see.
pub async fn run<H: Host, O: Objects>(
    connections: &Connections<H>,
    intercepts: &Intercepts<O>,
    views: &[View],
    caller: u32,
) -> Vec<Check> {
    let mut checks = Vec::new();
    let is_up = |view: &&View| view.status.phase == connection::Phase::Connected;
    for view in views.iter().filter(|view| may_see(caller, view.wish.id.owner)).filter(is_up) {
        let Target::Kubernetes(cluster) = &view.wish.target else { continue };
        checks.push(pods(connections, view, &cluster.namespace).await);
        for held in intercepts.views(&view.wish.id) {
            let (name, standing) = (&held.intercept.name, &held.standing);
            let (Phase::Active, Some(uid)) = (standing.phase, &standing.uid) else { continue };
            if held.intercept.ports.is_empty() {
                continue;
            }
            let title = format!("What clients ask of {name} reaches this computer");
            let proven = connections.prove(&view.wish.id, uid.clone()).await.and_then(|trials| ways(&trials));
            checks.push(check(title, proven));
        }
    }
    checks
}

/// Whether pods of the connection's namespace can get an agent. Who may not intercept there need not know.
async fn pods<H: Host>(connections: &Connections<H>, view: &View, namespace: &str) -> Check {
    let title = format!("Pods in the namespace {namespace} can get an agent");
    let said =
        connections.check(&view.wish.id, namespace.to_owned()).await.and_then(|reply| match reply.code.as_str() {
            "" => Ok("a pod that was created as a dry run came with one".to_owned()),
            code => Err(Fault::new(Code::parse(code).unwrap_or(Code::Internal), reply.detail).with_fix(reply.fix)),
        });
    let lacks_right = said.as_ref().is_err_and(|fault| fault.code == Code::RightsMissing);
    let check = check(title, said);
    if lacks_right { Check { outcome: Outcome::Warn.into(), ..check } } else { check }
}

fn ways(trials: &[Trial]) -> Result<String, Fault> {
    if let Some(failed) = trials.iter().find(|trial| !trial.code.is_empty()) {
        let code = Code::parse(&failed.code).unwrap_or(Code::ReplicaUnreached);
        return Err(Fault::new(code, failed.detail.clone()).with_fix(failed.fix.clone()));
    }
    let addresses: Vec<&str> = trials.iter().map(|trial| trial.address.as_str()).collect();
    match addresses.as_slice() {
        [] => Err(Fault::new(Code::PodAbsent, "the manager knows no way to it now")),
        addresses => Ok(format!("tried by {}", addresses.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_that_fails_is_a_failure() {
        let good = Trial { address: "10.0.0.1:80".to_owned(), ..Trial::default() };
        assert_eq!(ways(&[good.clone(), good.clone()]), Ok("tried by 10.0.0.1:80, 10.0.0.1:80".to_owned()));
        let bad = Trial { code: "replica-unreached".to_owned(), detail: "silent".to_owned(), ..Trial::default() };
        let fault = ways(&[good, bad]).unwrap_err();
        assert_eq!((fault.code, fault.detail.as_str()), (Code::ReplicaUnreached, "silent"));
        assert_eq!(ways(&[]).unwrap_err().code, Code::PodAbsent);
    }
}
