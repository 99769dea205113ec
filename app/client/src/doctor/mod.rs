//! What the user's side can check: the way to the helper, and the way to the cluster and its manager; then what the helper finds
//! and what became of the connections. In the order in which one thing needs the other; what needs something that failed is not
//! attempted, and nothing waits longer than [`limits::STEP`].

mod clock;
mod cluster;
mod findings;
mod helper;
mod hops;
pub mod limits;
mod manager;
mod resolver;
mod rights;
mod server;
#[cfg(test)]
pub(crate) mod testing;

use std::path::Path;

use hawser_ipc::proto::{Connection, Outcome, Snapshot, State};

use crate::kubeconfig::{Arguments, Environment};
pub use findings::Check;
use findings::Findings;

/// What is to be examined.
pub struct Question<'a> {
    /// The helper's socket.
    pub socket: &'a Path,
    /// The version of the calling program.
    pub version: &'a str,
    /// Which cluster.
    pub arguments: Arguments,
    /// The user's.
    pub environment: &'a Environment,
    /// Where the manager is.
    pub manager_namespace: &'a str,
}

/// Makes every check that can be made.
pub async fn examine(question: &Question<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    examine_each(question, async |check| checks.push(check)).await;
    checks
}

/// The same, and tells each as soon as its outcome is known for good.
pub async fn examine_each(question: &Question<'_>, mut tell: impl AsyncFnMut(Check)) {
    let mut findings = Findings::default();
    let helper = helper::reach(question, &mut findings).await;
    let snapshot = helper.as_ref().map(|(_, snapshot)| snapshot);
    for check in findings.into_checks() {
        tell(check).await;
    }

    let mut of_cluster = Findings::default();
    let server = cluster::examine(question, &mut of_cluster).await;
    if snapshot.is_some_and(|snapshot| is_beside_the_point(question, snapshot)) {
        of_cluster.soften();
    }
    for check in of_cluster.into_checks() {
        tell(check).await;
    }

    let mut findings = Findings::default();
    if let Some((client, snapshot)) = helper {
        helper::own(client, &mut findings).await;
        let connected = || snapshot.connections.iter().filter(|connection| connection.state() == State::Connected);
        findings.extend(connected().filter_map(|connection| hops::of(connection, server.as_ref())));
        findings.extend(resolver::of(connected()));
    }
    for check in findings.into_checks() {
        tell(check).await;
    }
}

/// Whether nobody asked about Kubernetes: all that is there are connections to managers outside of it.
fn is_beside_the_point(question: &Question<'_>, snapshot: &Snapshot) -> bool {
    // Of somebody else's connection no more is shown than that it is there.
    let mut visible = snapshot.connections.iter().filter(|connection| !connection.target.is_empty()).peekable();
    let standalone = |connection: &Connection| connection.context.is_empty();
    question.arguments == Arguments::default() && visible.peek().is_some() && visible.all(standalone)
}

/// Whether a check says that something is wrong.
pub fn is_failure(check: &Check) -> bool {
    matches!(check.outcome, Outcome::Fail | Outcome::Unspecified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_standalone_connection_makes_a_cluster_beside_the_point() {
        let standalone = Connection { target: "10.0.0.1:7300".into(), ..Connection::default() };
        let kubernetes = Connection { context: "rig".into(), ..standalone.clone() };
        let foreign = Connection::default();
        let named = Arguments { context: Some("rig".into()), ..Arguments::default() };
        let none = Arguments::default();
        for (arguments, connections, expected) in [
            (&none, vec![], false),
            (&none, vec![&foreign], false),
            (&none, vec![&standalone], true),
            (&none, vec![&foreign, &standalone], true),
            (&none, vec![&standalone, &kubernetes], false),
            (&named, vec![&standalone], false),
        ] {
            let environment = Environment::default();
            let question = Question {
                socket: Path::new("/nowhere"),
                version: "0.1.0",
                arguments: arguments.clone(),
                environment: &environment,
                manager_namespace: "hawser",
            };
            let connections = connections.into_iter().cloned().collect();
            let snapshot = Snapshot { connections, ..Snapshot::default() };
            assert_eq!(is_beside_the_point(&question, &snapshot), expected, "{snapshot:?}");
        }
    }
}
