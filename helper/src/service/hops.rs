//! How far everything is on the way into each cluster, measured for as long as somebody follows it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hawser_ipc::proto::{Hop, hop::Place};
use hawser_tunnel::proto::Distance;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::connection::Host;
use crate::connections::{Connections, may_see};
use crate::kubernetes::Clusters;
use crate::limits;
use crate::store::desired::Id;

/// What was measured last, by connection.
pub type Measured = watch::Receiver<HashMap<Id, Far>>;

/// What nothing but a question tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Far {
    server: Option<Duration>,
    /// From the manager.
    agents: Vec<Distance>,
}

/// Measures the caller's connections until nobody holds what it measures into.
pub fn measure<H: Host>(connections: Arc<Connections<H>>, clusters: Arc<Clusters>, caller: u32) -> Measured {
    let (sender, measured) = watch::channel(HashMap::new());
    tokio::spawn(async move {
        loop {
            let ids = connections.views().into_iter().map(|view| view.wish.id).filter(|id| may_see(caller, id.owner));
            let asked = join_all(ids.map(|id| ask(&connections, &clusters, id))).await;
            sender.send_replace(asked.into_iter().collect());
            tokio::select! {
                () = sleep(limits::HOPS) => {}
                () = sender.closed() => return,
            }
        }
    });
    measured
}

async fn ask<H: Host>(connections: &Connections<H>, clusters: &Clusters, id: Id) -> (Id, Far) {
    let (server, agents) =
        tokio::join!(timeout(limits::HOP, clusters.round_trip(&id)), timeout(limits::HOP, connections.distances(&id)),);
    // A manager of an older version doesn't tell.
    let agents = agents.ok().and_then(Result::ok).unwrap_or_default();
    (id, Far { server: server.ok().flatten(), agents })
}

impl Far {
    /// The places on the way, given the manager's last heartbeat.
    pub fn hops(&self, manager_us: u64) -> Vec<Hop> {
        let hop =
            |place: Place, name: &str, round_trip_us| Hop { place: place.into(), name: name.to_owned(), round_trip_us };
        let server = self.server.map(|time| hop(Place::ApiServer, "", time.as_micros().try_into().unwrap_or(u64::MAX)));
        if manager_us == 0 {
            return server.into_iter().collect();
        }
        let mut agents: Vec<Hop> = self
            .agents
            .iter()
            .map(|agent| hop(Place::Agent, &agent.pod, manager_us.saturating_add(agent.round_trip_us)))
            .collect();
        agents.sort_by(|one, other| one.name.cmp(&other.name));
        agents.truncate(limits::AGENTS_MEASURED);
        server.into_iter().chain([hop(Place::Manager, "", manager_us)]).chain(agents).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_in_the_order_of_the_way_and_agents_lie_behind_the_manager() {
        let far = |pod: &str, round_trip_us| Distance { pod: pod.to_owned(), round_trip_us };
        let known = Far { server: Some(Duration::from_micros(900)), agents: vec![far("web-1", 30), far("web-0", 50)] };
        let told = |known: &Far, manager_us| {
            let hops = known.hops(manager_us).into_iter();
            hops.map(|hop| (hop.place(), hop.name, hop.round_trip_us)).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&known, 1_000),
            [
                (Place::ApiServer, String::new(), 900),
                (Place::Manager, String::new(), 1_000),
                (Place::Agent, "web-0".to_owned(), 1_050),
                (Place::Agent, "web-1".to_owned(), 1_030),
            ]
        );
        assert_eq!(told(&known, 0), [(Place::ApiServer, String::new(), 900)], "no heartbeat yet");
        assert_eq!(told(&Far::default(), 7), [(Place::Manager, String::new(), 7)]);
        let many = Far { server: None, agents: (0..100).map(|number| far(&number.to_string(), 1)).collect() };
        assert_eq!(many.hops(1).len(), 1 + limits::AGENTS_MEASURED);
    }
}
