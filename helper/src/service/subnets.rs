//! Subnets as messages.

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{self, SubnetSource};
use ipnet::IpNet;

use crate::placement::{Disposition, Placement, Source};
use crate::plane::ClusterInfo;

/// A list that somebody has written.
///
/// # Errors
/// `bad-argument`.
pub fn read(texts: &[String]) -> Result<Vec<IpNet>, Fault> {
    let net = |text: &String| {
        let net: Option<IpNet> = text.parse().ok();
        net.filter(|net| net.prefix_len() > 0).ok_or_else(|| {
            Fault::new(Code::BadArgument, format!("{text:?} is no subnet")).with_fix("Write it as address/prefix.")
        })
    };
    texts.iter().map(net).collect()
}

/// A list as people write it.
pub fn texts(nets: &[IpNet]) -> Vec<String> {
    nets.iter().map(ToString::to_string).collect()
}

/// Where a subnet leads.
pub fn placement(placement: Placement) -> proto::Placement {
    let Placement { subnet, disposition, source, route, device, owner, why } = placement;
    let disposition = match disposition {
        Disposition::Routed => proto::Disposition::Routed,
        Disposition::Excluded => proto::Disposition::Excluded,
        Disposition::Conflict => proto::Disposition::Conflict,
        Disposition::LeftAlone => proto::Disposition::LeftAlone,
    };
    let source = match source {
        Source::Cluster => SubnetSource::Cluster,
        Source::ClusterNever => SubnetSource::ClusterNever,
        Source::AlsoProxy => SubnetSource::AlsoProxy,
        Source::NeverProxy => SubnetSource::NeverProxy,
        Source::ApiServer => SubnetSource::ApiServer,
        Source::Manager => SubnetSource::Manager,
    };
    proto::Placement {
        subnet: subnet.to_string(),
        disposition: disposition.into(),
        source: source.into(),
        route: route.map(|route| route.to_string()).unwrap_or_default(),
        device,
        owner,
        why,
    }
}

/// What a cluster's administrators have set.
pub fn served(cluster: &ClusterInfo) -> proto::Served {
    let alias = |(name, target): &(String, String)| proto::Alias { name: name.clone(), target: target.clone() };
    proto::Served {
        also: texts(&cluster.served.also),
        never: texts(&cluster.served.never),
        excluded_domains: cluster.names.excluded_domains.clone(),
        excluded_names: cluster.names.excluded_names.clone(),
        aliases: cluster.names.aliases.iter().map(alias).collect(),
        agent_idle_s: cluster.served.agent_idle_s,
    }
}
