//! What changes in a cluster, as one laptop is told it.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::proto::Change;
use hawser_tunnel::server::Changes;

use crate::cluster::{Cluster, View};
use crate::limits;

/// The whole, then each difference; changes that come together are told together.
pub fn of(cluster: Arc<dyn Cluster>, client: Pin) -> Changes {
    let changes = cluster.changes();
    let following = stream::unfold((cluster, changes, None), move |(cluster, mut changes, told)| async move {
        loop {
            let view = cluster.view(client);
            let change = match &told {
                None => Some(Change { whole: true, ..difference(&View::default(), &view) }),
                Some(told) if *told != view => Some(difference(told, &view)),
                Some(_) => None,
            };
            if let Some(change) = change {
                return Some((change, (cluster, changes, Some(view))));
            }
            changes.changed().await.ok()?;
            tokio::time::sleep(limits::GATHER_CHANGES).await;
            changes.mark_unchanged();
        }
    });
    following.boxed()
}

/// Anything as text.
pub fn texts<T: ToString>(things: &[T]) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}

fn difference(before: &View, after: &View) -> Change {
    let (subnets_before, subnets_after) = (texts(&before.subnets), texts(&after.subnets));
    Change {
        whole: false,
        added_subnets: missing(&subnets_after, &subnets_before),
        removed_subnets: missing(&subnets_before, &subnets_after),
        added_domains: missing(&after.domains, &before.domains),
        removed_domains: missing(&before.domains, &after.domains),
    }
}

/// What of `these` is not among `those`.
fn missing(these: &[String], those: &[String]) -> Vec<String> {
    let those: HashSet<&String> = those.iter().collect();
    these.iter().filter(|this| !those.contains(this)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(subnets: &[&str], domains: &[&str]) -> View {
        View {
            subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
            domains: domains.iter().map(|name| (*name).to_owned()).collect(),
            ..View::default()
        }
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = view(&["10.0.0.0/24", "10.0.1.0/24"], &["cluster.local", "shop"]);
        let after = view(&["10.0.1.0/24", "10.0.2.0/24"], &["team", "cluster.local"]);
        let change = difference(&before, &after);
        assert_eq!(
            (change.added_subnets, change.removed_subnets),
            (vec!["10.0.2.0/24".into()], vec!["10.0.0.0/24".into()])
        );
        assert_eq!((change.added_domains, change.removed_domains), (vec!["team".into()], vec!["shop".into()]));
        assert_eq!(difference(&after, &after), Change::default());
    }
}
