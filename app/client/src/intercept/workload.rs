//! Which connection and which workload somebody means.

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, Namespace, Service, Snapshot, Workload};

use crate::some_of;

/// Kinds as they are typed, and as Kubernetes writes them.
const KINDS: [(&str, &str); 9] = [
    ("deployment", "Deployment"),
    ("deployments", "Deployment"),
    ("deploy", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("statefulsets", "StatefulSet"),
    ("sts", "StatefulSet"),
    ("replicaset", "ReplicaSet"),
    ("replicasets", "ReplicaSet"),
    ("rs", "ReplicaSet"),
];

/// Names in a list of choices. The rest is counted.
pub(super) const CHOICES: usize = 12;

/// A workload as it was meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Deployment, StatefulSet or ReplicaSet.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Services that lead to it, as far as they are known.
    pub services: Vec<Service>,
}

/// The user's connection of this name; an empty name means their only one to a cluster.
///
/// # Errors
/// `not-connected`, or `bad-argument` if there are several.
pub fn connection<'a>(snapshot: &'a Snapshot, uid: u32, name: &str) -> Result<&'a Connection, Fault> {
    let of_user = |connection: &&Connection| {
        connection.owner == uid
            && if name.is_empty() { !connection.context.is_empty() } else { connection.name == name }
    };
    let own: Vec<&Connection> = snapshot.connections.iter().filter(of_user).collect();
    match own.as_slice() {
        [only] => Ok(only),
        [] => {
            let detail = match name {
                "" => "you have no connection to a cluster".to_owned(),
                _ => format!("you have no connection called {name}"),
            };
            Err(Fault::new(Code::NotConnected, detail).with_fix("Connect with: hawser connect"))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|connection| connection.name.as_str()).collect();
            let detail = format!("you have several connections: {}", names.join(", "));
            Err(Fault::new(Code::BadArgument, detail).with_fix("Name the one that you mean with --connection."))
        }
    }
}

/// The workload that `asked` means: `name`, or `kind/name`. Of a namespace that isn't among these nothing is known: there it is
/// the cluster that judges.
///
/// # Errors
/// `bad-argument`, `workload-unknown`, `workload-ambiguous`.
pub fn find(namespaces: &[Namespace], namespace: &str, asked: &str) -> Result<Found, Fault> {
    let (kind, name) = match asked.split_once('/') {
        None => (None, asked),
        Some((kind, name)) => (Some(kind_of(kind)?), name),
    };
    let Some(known) = namespaces.iter().find(|known| known.name == namespace) else {
        let kind = kind.unwrap_or("Deployment").to_owned();
        return Ok(Found { kind, name: name.to_owned(), services: Vec::new() });
    };
    let meant = |workload: &&Workload| workload.name == name && kind.is_none_or(|kind| workload.kind == kind);
    let meant: Vec<&Workload> = known.workloads.iter().filter(meant).collect();
    match meant.as_slice() {
        [only] => Ok(Found {
            kind: only.kind.clone(),
            name: only.name.clone(),
            services: known.services.iter().filter(|service| only.services.contains(&service.name)).cloned().collect(),
        }),
        [] => {
            let there: Vec<String> = known.workloads.iter().map(words).collect();
            let detail = match there.as_slice() {
                [] => format!("the namespace {namespace} has no workload that can be intercepted"),
                there => format!("the namespace {namespace} has no {asked}; it has {}", some_of(there, CHOICES)),
            };
            Err(Fault::new(Code::WorkloadUnknown, detail))
        }
        several => {
            let choices: Vec<String> = several.iter().map(|workload| words(workload)).collect();
            let detail = format!("{asked} in {namespace} may be {}", choices.join(" or "));
            Err(Fault::new(Code::WorkloadAmbiguous, detail))
        }
    }
}

fn kind_of(typed: &str) -> Result<&'static str, Fault> {
    let known = KINDS.iter().find(|(word, _)| typed.eq_ignore_ascii_case(word));
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        Fault::new(Code::BadArgument, format!("{typed:?} is no kind of workload"))
            .with_fix("It is one of deployment, statefulset and replicaset.")
    })
}

/// As it can be typed.
fn words(workload: &Workload) -> String {
    format!("{}/{}", workload.kind.to_lowercase(), workload.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(kind: &str, name: &str, services: &[&str]) -> Workload {
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        Workload { kind: kind.to_owned(), name: name.to_owned(), services, ..Workload::default() }
    }

    fn shop() -> Vec<Namespace> {
        vec![Namespace {
            name: "shop".to_owned(),
            workloads: vec![
                workload("Deployment", "web", &["web"]),
                workload("StatefulSet", "web", &[]),
                workload("ReplicaSet", "old", &[]),
            ],
            services: ["web", "other"].map(|name| Service { name: name.to_owned(), ..Service::default() }).into(),
        }]
    }

    #[test]
    fn names_and_kinds() {
        let found = |asked: &str| {
            find(&shop(), "shop", asked).map(|found| (found.kind, found.services.len())).map_err(|fault| fault.code)
        };
        assert_eq!(found("old"), Ok(("ReplicaSet".to_owned(), 0)));
        assert_eq!(found("deploy/web"), Ok(("Deployment".to_owned(), 1)));
        assert_eq!(found("StatefulSet/web"), Ok(("StatefulSet".to_owned(), 0)));
        assert_eq!(found("web"), Err(Code::WorkloadAmbiguous));
        assert_eq!(found("statefulset/old"), Err(Code::WorkloadUnknown));
        assert_eq!(found("daemonset/web"), Err(Code::BadArgument));
        let fault = find(&shop(), "shop", "wob").unwrap_err();
        assert!(fault.detail.ends_with("it has deployment/web, statefulset/web, replicaset/old"), "{fault}");
    }

    #[test]
    fn of_a_namespace_that_is_not_shown_the_cluster_judges() {
        let found = |asked: &str| find(&shop(), "team", asked).unwrap();
        assert_eq!((found("web").kind, found("sts/db").kind), ("Deployment".to_owned(), "StatefulSet".to_owned()));
    }

    #[test]
    fn the_only_connection_need_not_be_named() {
        let connection_ = |owner, name: &str, context: &str| Connection {
            owner,
            name: name.to_owned(),
            context: context.to_owned(),
            ..Connection::default()
        };
        let mut snapshot = Snapshot {
            connections: vec![connection_(1, "demo", ""), connection_(1, "dev", "dev"), connection_(2, "their", "x")],
            ..Snapshot::default()
        };
        let found = |snapshot: &Snapshot, name: &str| {
            connection(snapshot, 1, name).map(|found| found.name.clone()).map_err(|fault| fault.code)
        };
        assert_eq!(found(&snapshot, ""), Ok("dev".to_owned()));
        assert_eq!(found(&snapshot, "demo"), Ok("demo".to_owned()));
        assert_eq!(found(&snapshot, "their"), Err(Code::NotConnected));
        snapshot.connections.push(connection_(1, "live", "live"));
        assert_eq!(found(&snapshot, ""), Err(Code::BadArgument));
        snapshot.connections.clear();
        assert_eq!(found(&snapshot, ""), Err(Code::NotConnected));
    }
}
