//! What goes through connections, what doesn't, and why.

use hawser_fault::Code;
use hawser_ipc::proto::{Connection, Disposition, Placement, SubnetSource};

use super::{count, problem, text};
use crate::facts::Facts;
use crate::view::{Placed, Source, Subnets, SubnetsOf};

pub(crate) fn subnets(facts: &Facts) -> Subnets {
    Subnets { connections: facts.connections().map(of).collect() }
}

fn of(connection: &Connection) -> SubnetsOf {
    let all = |disposition: Disposition| {
        connection.placements.iter().filter(move |one| one.disposition() == disposition).map(placed)
    };
    let routed: Vec<Placed> = all(Disposition::Routed).collect();
    let subnet_codes = [Code::SubnetConflict, Code::SubnetInvalid].map(Code::as_str);
    let mut causes = connection.cause.iter().chain(&connection.troubles);
    SubnetsOf {
        connection: connection.name.clone(),
        more: count(connection.subnets.len().saturating_sub(routed.len())),
        routed,
        excluded: all(Disposition::Excluded).collect(),
        left_alone: all(Disposition::LeftAlone).collect(),
        conflicts: all(Disposition::Conflict).collect(),
        problem: problem(causes.find(|cause| subnet_codes.contains(&cause.code.as_str()))),
        also: connection.also_proxy.clone(),
        never: never(connection),
    }
}

/// What the user wants to stay out. While there is a link the helper tells it among all that stays out.
pub(super) fn never(connection: &Connection) -> Vec<String> {
    if connection.served.is_none() {
        return connection.never_proxy.clone();
    }
    let of_user = connection.placements.iter().filter(|one| one.source() == SubnetSource::NeverProxy);
    of_user.map(|one| one.subnet.clone()).collect()
}

fn placed(placement: &Placement) -> Placed {
    Placed {
        subnet: placement.subnet.clone(),
        source: match placement.source() {
            SubnetSource::Unspecified | SubnetSource::Cluster => Source::Cluster,
            SubnetSource::ClusterNever => Source::ClusterNever,
            SubnetSource::AlsoProxy => Source::UserAlso,
            SubnetSource::NeverProxy => Source::UserNever,
            SubnetSource::ApiServer => Source::ApiServer,
            SubnetSource::Manager => Source::Manager,
        },
        route: text(&placement.route),
        device: text(&placement.device),
        owner: text(&placement.owner),
        why: placement.why.clone(),
    }
}
