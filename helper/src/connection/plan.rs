//! What of a cluster is to be routed, and what of that can be.

use hawser_fault::Fault;
use ipnet::IpNet;

use super::joined::within;
use super::{Context, Host, Joined};
use crate::conflict::Conflict;
use crate::placement::{self, Placement};
use crate::plane::ClusterInfo;
use crate::store::desired::Routing;
use crate::{conflict, limits, routing};

/// What is to be routed, and how everything is then.
pub(super) struct Plan {
    /// With what is to be routed in place of what is served.
    pub cluster: ClusterInfo,
    pub placements: Vec<Placement>,
    /// What of it something else has.
    pub conflicts: Vec<Conflict>,
}

impl Joined {
    /// What is to be routed of a cluster.
    pub(super) async fn plan<H: Host>(
        &self,
        context: &Context<H>,
        said: &ClusterInfo,
        routing: &Routing,
    ) -> Result<Plan, Fault> {
        let host = &context.host;
        let mut cluster = said.clone();
        cluster.subnets.extend_from_slice(&routing.also);
        cluster.excluded_subnets.extend_from_slice(&routing.never);
        cluster.excluded_subnets.extend(self.carriers.iter().copied().chain(cluster.peer).map(IpNet::from));
        let mut wanted = self.routable(&cluster)?;
        if let Some(near) = self.near {
            cluster.left_alone = host.reached_beside(near, &wanted).await?;
            wanted.retain(|net| !cluster.left_alone.contains(net));
        }
        cluster.subnets = routing::carve(&wanted, &cluster.excluded_subnets);
        within("subnets", cluster.subnets.len(), limits::SUBNETS)?;
        let routes = host.routes().await?;
        let conflicts = host.conflicts(&context.wish, &cluster.subnets, &routes).await;
        let placements = placement::place(&placement::Facts {
            cluster: said,
            routing,
            carriers: &self.carriers,
            left_alone: &cluster.left_alone,
            routed: &cluster.subnets,
            conflicts: &conflicts,
            routes: &routes,
            device: &self.device,
        });
        Ok(Plan { cluster, placements, conflicts })
    }
}

impl Plan {
    /// Why not all of it can be routed.
    pub fn refusal(&self) -> Option<Fault> {
        conflict::refusal(&self.conflicts)
    }

    /// The same for what isn't `routed` yet.
    pub fn refusal_beside(&self, routed: &[IpNet]) -> Option<Fault> {
        let is_new = |conflict: &&Conflict| !routed.iter().any(|net| net.contains(&conflict.subnet));
        conflict::refusal(&self.conflicts.iter().filter(is_new).cloned().collect::<Vec<_>>())
    }

    /// What can be routed of it: all that nothing else has, and of the rest what is `routed` already.
    pub fn possible(&self, routed: &[IpNet]) -> Vec<IpNet> {
        let of = |subnet: &IpNet| {
            let is_free = !self.conflicts.iter().any(|conflict| conflict.subnet == *subnet);
            if is_free || routed.iter().any(|net| net.contains(subnet)) {
                return vec![*subnet];
            }
            routed.iter().filter(|net| subnet.contains(*net)).copied().collect()
        };
        self.cluster.subnets.iter().flat_map(of).collect()
    }

    /// Whether something else has a part of it.
    pub fn is_disputed(&self, net: &IpNet) -> bool {
        self.conflicts.iter().any(|conflict| conflict.subnet.contains(net))
    }
}

#[cfg(test)]
mod tests {
    use hawser_fault::Code;

    use super::*;

    #[test]
    fn what_is_routed_stays_as_far_as_it_is_wanted() {
        let nets = |texts: &str| texts.split_whitespace().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        for (wanted, disputed, routed, possible, refused) in [
            ("10.1.0.0/16 10.2.0.0/16", "10.2.0.0/16", "", "10.1.0.0/16", true),
            ("10.1.0.0/16 10.2.0.0/16", "10.2.0.0/16", "10.2.0.0/16", "10.1.0.0/16 10.2.0.0/16", false),
            ("10.1.0.0/17", "10.1.0.0/17", "10.1.0.0/16", "10.1.0.0/17", false),
            ("10.0.0.0/15 10.9.0.0/16", "10.0.0.0/15", "10.1.0.0/16", "10.1.0.0/16 10.9.0.0/16", true),
        ] {
            let fault = || Fault::new(Code::SubnetConflict, "in a test");
            let plan = Plan {
                cluster: ClusterInfo { subnets: nets(wanted), ..ClusterInfo::default() },
                placements: Vec::new(),
                conflicts: nets(disputed)
                    .into_iter()
                    .map(|subnet| Conflict { subnet, route: None, fault: fault() })
                    .collect(),
            };
            let case = format!("{wanted} without {disputed} beside {routed}");
            assert_eq!(plan.possible(&nets(routed)), nets(possible), "{case}");
            assert_eq!(plan.refusal_beside(&nets(routed)).is_some(), refused, "{case}");
        }
    }
}
